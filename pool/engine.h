// A batch system, or this machine, as a pool's agent sees it.
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
  // The same: why it waits.
  std::string reason;
  bool ended = false;
  // Of a job that has ended otherwise than well: what that means, and what to do. Of one that
  // waits: what to do, unless waiting is all.
  std::string advice;

  bool operator==(const EngineJob&) const = default;
};

// How a submission ended.
struct Submission {
  enum class Kind {
    kAccepted,
    // The engine said no, in `error`, or could not be asked.
    kRefused,
    // It did not answer in time: perhaps there is a job now.
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
  // Prepares the pool's folder and, with `ask`, finds out whether the engine could run a job of one
  // worker.
  virtual Status Check(bool ask) = 0;
  // The pool's jobs, those that ended recently among them.
  virtual Result<std::vector<EngineJob>> List() = 0;
  virtual Submission Submit(const Allocation& allocation) = 0;
  // Ends jobs; with `waiting_only` those of them that wait still. A job that has ended is no error.
  virtual Status Cancel(const std::vector<std::string>& ids, bool waiting_only) = 0;
  // The agent ends. An engine whose jobs live no longer than the agent ends them, with checkpoints.
  virtual void Leave() {}
};

}  // namespace braid::pool
