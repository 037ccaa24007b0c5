// The conversion of events to alerts.
#pragma once

#include <optional>
#include <string>

#include "alert/alert.h"
#include "storage/catalog/past.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

// The kind of alert for an event; nullopt for most events. That a training diverged or stalled is
// recognised by the text of the trainer's error and of core/watchdog.h (kNoStepFor).
std::optional<alert::Kind> AlertKindOf(const catalog::EventRecord& event);

// The alert of such an event. `rows`: the run of the event; null if it is about none, or the run
// was deleted. `coordinator_id` makes the id of the alert unique, `url` (empty: unknown) is where
// people reach the dashboard.
alert::Alert AlertOf(alert::Kind kind, const catalog::EventRecord& event,
                     const catalog::RunRows* rows, const std::string& coordinator_id,
                     const std::string& url);

}  // namespace braid::coordinator
