// The core's values as messages of the API, and back.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "braid/v1/admin.pb.h"
#include "braid/v1/artifacts.pb.h"
#include "braid/v1/runs.pb.h"
#include "braid/v1/worker.pb.h"
#include "coordinator/core/rungs.h"
#include "coordinator/core/sessions.h"
#include "coordinator/core/state.h"
#include "coordinator/sessions/session.h"

namespace braid::coordinator {

enum class Detail { kBasic, kFull };  // full: with specs, recipes, manifests

// The trainings of runs by their rungs, made when they are asked for. Good as long as the state
// does not change.
class RungsOfRuns {
 public:
  const Rungs& Of(const std::string& run, const State& state);

 private:
  std::map<std::string, std::unique_ptr<Rungs>> rungs_;
};

// A job with its attempts, oldest first, and why it waits. kFull adds its spec and the last lines
// of failed programs, which may be large.
v1::Job JobMessage(const JobRecord& job, const State& state, Detail detail);
// The same; `rungs` is shared by the messages of one answer, so that a run's jobs are gone through
// once.
v1::Job JobMessage(const JobRecord& job, const State& state, Detail detail, RungsOfRuns& rungs);
// A run with all its jobs, in topological order. kFull adds the recipe's text and the jobs' specs.
v1::Run RunMessage(const RunRecord& run, const State& state, Detail detail);
// An artifact; kFull adds its manifest.
v1::Artifact ArtifactMessage(const catalog::ArtifactRecord& artifact, Detail detail);
// An event as WatchEvents and ListEvents send it.
v1::Event EventMessage(const catalog::EventRecord& event);
// A worker's registration, with its connection, the ranks of its live leases, its refused GPUs, and
// the workers that it reaches.
v1::Worker WorkerView(const catalog::WorkerRecord& worker, const State& state);
// The message of a session to its worker: the ranks that it should run, and the intervals of
// `lease` for its heartbeats and for giving up without contact.
v1::DesiredState DesiredMessage(const SessionMessage& message, const std::string& coordinator_id,
                                const scheduler::LeaseOptions& lease);

// Converts a message of a worker. Missing fields keep their defaults; nothing is checked here.
WorkerMessage WorkerMessageOf(const v1::WorkerSignal& signal);

}  // namespace braid::coordinator
