#include "rpc/rate_limited.h"

#include <algorithm>

#include "base/text.h"

namespace braid::rpc {
namespace {

constexpr std::string_view kBefore = ": try again in ";
constexpr std::string_view kAfter = " ms";
// The text comes from another program: whatever it says, no client sleeps for longer than a minute.
constexpr int64_t kLongestMs = 60'000;

}  // namespace

Status RateLimited(const std::string& why, int64_t wait_ms) {
  return Status(StatusCode::kResourceExhausted, ErrorReason::kRateLimited,
                why + std::string(kBefore) + std::to_string(wait_ms) + std::string(kAfter));
}

int64_t RetryAfterMs(const Status& status) {
  const std::string& text = status.message();
  const size_t before = text.rfind(kBefore);
  if (status.code() != StatusCode::kResourceExhausted || before == std::string::npos ||
      !text.ends_with(kAfter))
    return 0;
  const size_t begin = before + kBefore.size();
  const Result<int64_t> ms = ParseInt(text.substr(begin, text.size() - kAfter.size() - begin));
  return ms.ok() && *ms > 0 ? std::min(*ms, kLongestMs) : 0;
}

}  // namespace braid::rpc
