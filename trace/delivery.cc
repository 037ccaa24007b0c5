#include "trace/delivery.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/text.h"

namespace braid::trace {
namespace {

constexpr int64_t kFirstPauseMs = 1'000;
constexpr int64_t kLongestPauseMs = 30'000;
// A collector that asks for more is away, and what waits for it is dropped.
constexpr int64_t kLongestAskedMs = 600'000;

}  // namespace

Verdict VerdictOf(const Answer& answer) {
  if (answer.status >= 200 && answer.status < 300) return Verdict::kDelivered;
  const bool later = answer.status == 0 || answer.status == 429 || answer.status == 502 ||
                     answer.status == 503 || answer.status == 504;
  return later ? Verdict::kFailed : Verdict::kRefused;
}

// {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "..."}}; the number may be a text.
Rejected RejectedBy(const Answer& answer) {
  const Result<Json> body = ParseJson(answer.text, "answer");
  if (!body.ok() || !body->is_object()) return {};
  const auto partial = body->find("partialSuccess");
  if (partial == body->end() || !partial->is_object()) return {};
  Rejected rejected;
  const auto spans = partial->find("rejectedSpans");
  if (spans != partial->end() && spans->is_number_integer()) rejected.spans = spans->get<int64_t>();
  if (spans != partial->end() && spans->is_string())
    rejected.spans = ParseInt(spans->get<std::string>()).ok() ? *ParseInt(spans->get<std::string>())
                                                              : 0;
  const auto why = partial->find("errorMessage");
  if (why != partial->end() && why->is_string()) rejected.why = Excerpt(why->get<std::string>());
  rejected.spans = std::max<int64_t>(rejected.spans, 0);
  return rejected;
}

int64_t PauseMs(int tries, const Answer& answer, double uniform) {
  if (answer.retry_after_ms > 0) return std::min(answer.retry_after_ms, kLongestAskedMs);
  int64_t pause_ms = kFirstPauseMs;
  for (int i = 1; i < tries && pause_ms < kLongestPauseMs; ++i) pause_ms *= 2;
  pause_ms = std::min(pause_ms, kLongestPauseMs);
  return pause_ms / 2 + static_cast<int64_t>(static_cast<double>(pause_ms) / 2 * uniform);
}

}  // namespace braid::trace
