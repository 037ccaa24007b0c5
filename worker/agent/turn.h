// What the parts of an agent share while it handles one event: the time, and the list of effects.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "worker/agent/effect.h"

namespace braid::worker {

// A time that never comes.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// One event's time and effects. All parts of an agent refer to the same object.
struct Turn {
  // Monotonic clock, in milliseconds.
  int64_t now_ms = 0;
  Effects effects;

  void Add(Effect effect) { effects.push_back(std::move(effect)); }
  // Adds a log line; `who` is the part of the worker, or the rank, that it is about.
  void Say(LogLevel level, std::string who, std::string text) {
    Add(LogLine{level, std::move(who), std::move(text)});
  }
};

}  // namespace braid::worker
