// One try to tell somebody.
#pragma once

#include <atomic>

#include "alert/alert.h"
#include "alert/settings.h"
#include "alert/transfer.h"

namespace braid::alert {

// Sends the alert by the channel, in this thread, for about channel.timeout_ms at most. Secrets are
// read now. `stop` ends it within about a second, as a failure.
Outcome Send(const Channel& channel, const Alert& alert, const std::atomic<bool>& stop);

}  // namespace braid::alert
