// A part of a task program's work as a span in the trace of its job.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "task/channel.h"

namespace braid::task {

// Lasts from its construction to its destruction, when it is reported. Costs nothing to speak of
// where nobody records traces.
class TimedSpan {
 public:
  // `channel` outlives it. `attributes`: an object of numbers and texts.
  TimedSpan(Channel& channel, std::string name, Json attributes = Json::object());
  ~TimedSpan();
  TimedSpan(const TimedSpan&) = delete;
  TimedSpan& operator=(const TimedSpan&) = delete;

 private:
  Channel& channel_;
  const std::string name_;
  const Json attributes_;
  const int64_t wall_ms_, begun_ms_;
};

}  // namespace braid::task
