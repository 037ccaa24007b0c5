#include "task/timed_span.h"

#include <utility>

#include "base/clock.h"

namespace braid::task {

TimedSpan::TimedSpan(Channel& channel, std::string name, Json attributes)
    : channel_(channel),
      name_(std::move(name)),
      attributes_(std::move(attributes)),
      wall_ms_(SystemClock().WallMs()),
      begun_ms_(SystemClock().MonotonicMs()) {}

TimedSpan::~TimedSpan() {
  channel_.Span(name_, wall_ms_, wall_ms_ + SystemClock().MonotonicMs() - begun_ms_, attributes_);
}

}  // namespace braid::task
