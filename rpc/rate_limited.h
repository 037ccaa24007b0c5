// The error of who calls too often, which says when to call again. Without gRPC.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::rpc {

// kResourceExhausted with ErrorReason::kRateLimited: "WHY: try again in 120 ms". gRPC's check of
// callers passes only code and message on, so the reason and the time are found in the message
// again (FromGrpc, RetryAfterMs).
Status RateLimited(const std::string& why, int64_t wait_ms);
// How long to wait if this is such an error; 0 if it is none.
int64_t RetryAfterMs(const Status& status);

}  // namespace braid::rpc
