// The coordinator's state as Prometheus text. Base units; no run, job or user in labels.
#pragma once

#include <string>

#include "coordinator/core/core.h"

namespace braid::coordinator {

// Everything is read from the state and its indices at the time of asking, without a walk over all
// rows; rows that are not in memory are counted in the catalog (storage/catalog/past.h).
// kUnavailable while the coordinator stops.
Result<std::string> MetricsText(Core* core);

}  // namespace braid::coordinator
