// What the parts of an agent share while it handles one event: the time, and where effects go.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "worker/agent/effect.h"

namespace braid::worker {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct Turn {
  int64_t now_ms = 0;  // monotonic
  Effects effects;

  void Add(Effect effect) { effects.push_back(std::move(effect)); }
  void Say(LogLevel level, std::string who, std::string text) {
    Add(LogLine{level, std::move(who), std::move(text)});
  }
};

}  // namespace braid::worker
