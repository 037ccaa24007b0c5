// The names of a rank's spans, for all who have its assignment.
#pragma once

#include "trace/context.h"
#include "worker/agent/values.h"

namespace braid::worker {

// The span of the rank, below that of its attempt, and the one of its program, below that; not
// valid if the assignment names no trace.
trace::Context SpanOfRank(const Assignment& assignment);
trace::Context SpanOfProgram(const Assignment& assignment);

}  // namespace braid::worker
