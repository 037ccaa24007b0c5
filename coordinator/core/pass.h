// The scheduling pass: the state becomes a snapshot for scheduler::Schedule, its grants become
// attempts, and each worker is told what it should run.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Grants an attempt to every queued job that the scheduling policies place, and notes in
// Transaction::pending why each other one waits. A job whose grant fails does not keep the others
// from theirs.
void SchedulePass(Transaction& tx);

// True for a while after the start, as long as some worker that holds leases in the catalog has not
// contacted this process: its jobs may still be running. `now_ms` is monotonic.
bool Recovering(const State& state, const Options& options, int64_t now_ms);

// A DesiredState for one worker, to be sent when the batch is durable.
struct Push {
  std::shared_ptr<SessionSink> sink;
  std::shared_ptr<const Desired> desired;
};
// Computes for each connected worker the complete set of ranks that it should run, and returns the
// sets that differ from the last one pushed in its session, each with a new version. Notes in
// LiveAttempt which version told the worker about a rank, or about its stop, first. That is how the
// core knows later whether the worker has acted on it. REQUIRES: the updates of the batch are
// committed; the caller pushes the result.
std::vector<Push> DesiredChanges(State& state, const Options& options);

}  // namespace braid::coordinator
