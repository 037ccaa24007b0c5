// Explanations of what kubectl and Kubernetes say, with advice for users.
#pragma once

#include <string>

#include "pool/settings.h"

namespace braid::pool::kubernetes {

// The error output of a failed kubectl on one line, followed by advice.
std::string AdviceOn(const std::string& error, const Settings& settings);

// What keeps a job from running: a word of Kubernetes (Unschedulable, ImagePullBackOff), and its
// own sentence. The result begins with that sentence; empty if nothing but waiting helps.
std::string AdviceOnWaiting(const std::string& reason, const std::string& message,
                            const Settings& settings);

// How a pod ended.
struct PodEnd {
  // COMPLETED, DEADLINE, EVICTED, FAILED, OUT_OF_MEMORY or PREEMPTED.
  std::string state;
  // With an exit code, what the worker printed last; without one, Kubernetes' own sentence.
  std::string message;
  int exit_code = 0;
};
// What that means, and what to do. `job` is the name of the pod's job.
std::string AdviceOnEnd(const PodEnd& end, const std::string& job, const Settings& settings);

}  // namespace braid::pool::kubernetes
