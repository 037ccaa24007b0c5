// What the lists of Kubernetes mean for the agent. Pure functions.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "pool/engine.h"
#include "pool/settings.h"

namespace braid::pool::kubernetes {

// The jobs in what `kubectl get jobs,pods -l SELECTOR -o json` prints, in the order of their names.
//
//   PENDING      a pod is not there yet or does not run, for the reason in `reason`
//   RUNNING      all pods run, or have ended
//   TERMINATING  deleted, and its pods hand back what they run
//   COMPLETED, CANCELLED, DEADLINE, EVICTED, FAILED, OUT_OF_MEMORY, PREEMPTED   ended
//
// A job that is gone while some of its pods still run is TERMINATING, too. `failures` has what the
// job controller said of pods that it could not make, by the name of the job.
std::vector<EngineJob> JobsIn(const Json& list, const std::map<std::string, std::string>& failures,
                              const Settings& settings);

// The names of jobs that lack pods, so that the events of the job controller say why.
std::set<std::string> JobsWithoutPods(const Json& list);

// The uids of the jobs whose pods have not all begun, by name: they may lack their Secret.
std::map<std::string, std::string> UidsOfWaiting(const Json& list);

// The newest message about each job in what `kubectl get events -o json` prints, by its name.
std::map<std::string, std::string> FailuresIn(const Json& events);

}  // namespace braid::pool::kubernetes
