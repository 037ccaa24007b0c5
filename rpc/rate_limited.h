// The error for a caller that exceeds its rate, with the time after which to call again. Does not
// depend on gRPC.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::rpc {

// kResourceExhausted with ErrorReason::kRateLimited: "WHY: try again in 120 ms". gRPC's check of
// callers passes only code and message on, so the reason and the time are found in the message
// again (FromGrpc, RetryAfterMs).
Status RateLimited(const std::string& why, int64_t wait_ms);
// The number of milliseconds to wait before calling again, if `status` is such an error; otherwise
// 0.
int64_t RetryAfterMs(const Status& status);

}  // namespace braid::rpc
