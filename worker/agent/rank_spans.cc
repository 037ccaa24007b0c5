#include "worker/agent/rank_spans.h"

#include <string>

namespace braid::worker {

trace::Context SpanOfRank(const Assignment& assignment) {
  const auto attempt = trace::ParseTraceparent(assignment.traceparent);
  return ChildOf(attempt.value_or(trace::Context()), "rank " + std::to_string(assignment.key.rank));
}

trace::Context SpanOfProgram(const Assignment& assignment) {
  return ChildOf(SpanOfRank(assignment), "program");
}

}  // namespace braid::worker
