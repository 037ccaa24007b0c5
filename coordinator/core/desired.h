// What the workers are told: each its complete set of ranks.
#pragma once

#include <memory>
#include <vector>

#include "coordinator/core/session_sink.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// A DesiredState for one worker, to be sent when the batch is durable.
struct Push {
  std::shared_ptr<SessionSink> sink;
  std::shared_ptr<const Desired> desired;
};
// Computes for each connected worker that may have to be told something else the complete set of
// ranks that it should run, and returns the sets that differ from the last one pushed in its
// session, each with a new version. Notes in LiveAttempt which version told the worker about a
// rank, or about its stop, first. That is how the core knows later whether the worker has acted on
// it. REQUIRES: the updates of the batch are committed; the caller pushes the result.
std::vector<Push> DesiredChanges(State& state, const Options& options);

}  // namespace braid::coordinator
