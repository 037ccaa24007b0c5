// What the parts of an agent share while it handles one event: the time, and the list of effects.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "worker/agent/effect.h"
#include "worker/agent/rank_spans.h"

namespace braid::worker {

// A time that never comes.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// The rank, and its span, for lines of the log.
inline LogSubject SubjectOf(const Assignment& rank) {
  const trace::Context span = SpanOfRank(rank);
  return {rank.key.run, rank.key.job, rank.key.epoch, rank.key.rank, span.trace_id, span.span_id};
}

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
  // The same about a rank.
  void Say(LogLevel level, const Assignment& rank, std::string text) {
    Add(LogLine{level, rank.key.ToString(), std::move(text), SubjectOf(rank)});
  }
};

}  // namespace braid::worker
