// The interface to a batch system, or to this machine, that starts the workers of a pool.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "pool/need.h"

namespace braid::pool {

// A job of the batch system that runs workers of the pool.
struct EngineJob {
  std::string id;
  std::string name;
  int64_t workers = 1;
  std::string run;
  // In the engine's words: PENDING, RUNNING, TIMEOUT.
  std::string state;
  // The engine's word for the reason for which the job waits.
  std::string reason;
  bool ended = false;
  // For a failed job: the meaning of its end, and what to do. For a waiting job: what to do, if
  // waiting does not suffice.
  std::string advice;

  bool operator==(const EngineJob&) const = default;
};

// How a submission ended.
struct Submission {
  enum class Kind {
    kAccepted,
    // The engine refused, for the reason in `error`, or could not be called.
    kRefused,
    // It did not answer in time: the job may exist or not.
    kUnknown,
  };
  Kind kind = Kind::kAccepted;
  std::string id;
  std::string name;
  // The engine's own words, and what to do.
  std::string error;
};

// Each call waits for the engine, for a limited time. Errors are in the engine's own words, and say
// what to do.
class Engine {
 public:
  virtual ~Engine() = default;
  // Prepares the pool's folder and, with `ask`, checks whether the engine could run a job of one
  // worker.
  virtual Status Check(bool ask) = 0;
  // The pool's jobs, those that ended recently among them.
  virtual Result<std::vector<EngineJob>> List() = 0;
  // Submits a job that starts the workers of the allocation.
  virtual Submission Submit(const Allocation& allocation) = 0;
  // Cancels jobs, with `waiting_only` only those that still wait. A job that has ended already is
  // not an error.
  virtual Status Cancel(const std::vector<std::string>& ids, bool waiting_only) = 0;
  // The agent ends. An engine whose jobs live no longer than the agent ends them, with checkpoints.
  virtual void Leave() {}
};

}  // namespace braid::pool
