// What becomes of a batch of spans after a try to send it, as the protocol demands
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).
#pragma once

#include <cstdint>
#include <string>

namespace braid::trace {

// The result of one try.
struct Answer {
  // Of HTTP; 0: there was no answer.
  int status = 0;
  // The pause for which the collector has asked; 0: none.
  int64_t retry_after_ms = 0;
  // What it said, or why there was no answer; without secrets.
  std::string text;
};

enum class Verdict {
  kDelivered,
  kFailed,  // may succeed later
  kRefused  // would be refused again
};
// 2xx is delivered; 429, 502, 503, 504 and no answer at all may be tried again, anything else not.
Verdict VerdictOf(const Answer& answer);

// Of a delivered batch: how many of its spans the collector did not take, and why, if it says so.
struct Rejected {
  int64_t spans = 0;
  std::string why;
};
Rejected RejectedBy(const Answer& answer);

// The pause before the next try, after `tries` of them: what the collector asked for, or from 1 s
// on twice as long after each, 30 s at most, and between half of that and all of it by `uniform`,
// which is in [0, 1), so that many workers do not come back at once.
int64_t PauseMs(int tries, const Answer& answer, double uniform);

}  // namespace braid::trace
