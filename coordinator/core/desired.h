// Computes the DesiredState of workers: the complete set of ranks that each should run.
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
// Computes the set for each connected worker whose set may have changed, and returns those that
// differ from the last one pushed in the worker's session, each with a new version. Notes in
// LiveAttempt the first version that contains a rank, or its stop. By comparing it with the version
// that the worker reports as applied, the core knows later whether the worker has acted on it.
// REQUIRES: the updates of the batch are committed; the caller pushes the result.
std::vector<Push> DesiredChanges(State& state, const Options& options);

}  // namespace braid::coordinator
