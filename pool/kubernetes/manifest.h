// What is asked of Kubernetes for one allocation: a Job whose pods are its workers, and a Secret
// with what the workers prove themselves by. Pure functions.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "pool/need.h"
#include "pool/settings.h"

namespace braid::pool::kubernetes {

// Labels of the jobs and pods of pools; the annotation kRun has the run's name as it is.
inline constexpr char kPool[] = "braid/pool";
inline constexpr char kMark[] = "braid/mark";
inline constexpr char kJob[] = "braid/job";
inline constexpr char kRun[] = "braid/run";
inline constexpr char kWorkers[] = "braid/workers";

// How pods reach the coordinator.
struct Reach {
  std::string address;  // HOST:PORT
  std::string token;
  // The authority of its certificate (PEM), or the digest of that; both empty: no TLS.
  std::string ca, ca_sha256;
};

// A new name for a job, "POOL-8 hex digits": the first half of its pods' names.
std::string NewJobName(const Settings& settings);

// The selector of the pool's jobs and pods: "braid/pool=lab,braid/mark=0badcafe".
std::string SelectorOf(const Settings& settings);

// The Job `name` with a pod for each worker of the allocation. It is an indexed one, and the index
// of a pod is the rank in the worker's id. Its pods get what they need from the Secret of the same
// name, and wait until there is one. kInvalidArgument for settings that no pod can have.
Result<Json> JobOf(const Settings& settings, const Allocation& allocation, const std::string& name,
                   const Reach& reach);

// That Secret. It belongs to the Job, with which Kubernetes removes it.
Json SecretOf(const Settings& settings, const std::string& job, const std::string& job_uid,
              const Reach& reach);

}  // namespace braid::pool::kubernetes
