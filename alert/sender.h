// One attempt to deliver an alert.
#pragma once

#include <atomic>

#include "alert/alert.h"
#include "alert/settings.h"
#include "alert/transfer.h"

namespace braid::alert {

// Sends the alert by the channel, in this thread, for about channel.timeout_ms at most. Files with
// secrets are read at each call. If `stop` becomes true, the call ends within about a second with
// Verdict::kFailed.
Outcome Send(const Channel& channel, const Alert& alert, const std::atomic<bool>& stop);

}  // namespace braid::alert
