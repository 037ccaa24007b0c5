// The coordinator's state as Prometheus text. Base units; no run, job or user in labels.
#pragma once

#include <string>

#include "coordinator/api/call_durations.h"
#include "coordinator/api/load_table.h"
#include "coordinator/core/core.h"
#include "trace/exporter.h"

namespace braid::coordinator {

// Everything is read from the state and its indices at the time of asking, without a walk over all
// rows; rows that are not in memory are counted in the catalog (storage/catalog/past.h). Of calls,
// spans and loads there is nothing if the pointers are null. kUnavailable while the coordinator
// stops.
Result<std::string> MetricsText(Core* core, const CallDurations* calls, trace::Exporter* spans,
                                const LoadTable* loads = nullptr);

}  // namespace braid::coordinator
