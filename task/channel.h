// The way out of a task program: events to the worker, control from it, and the gang's rendezvous
// keys (docs/tasks.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "task/task.h"

namespace braid::task {

// Small values under write-once keys that all ranks of one generation share. Thread-safe; Get
// blocks.
class Rendezvous {
 public:
  virtual ~Rendezvous() = default;
  // kAlreadyExists if the key has another value; the same value again is fine.
  virtual Status Put(const std::string& key, std::string_view value) = 0;
  // Waits for the key; kDeadlineExceeded after `timeout_ms`.
  virtual Result<std::string> Get(const std::string& key, int64_t timeout_ms) = 0;
};

// Over a folder that all ranks see, for gangs started by hand. Keys are kept under
// `<folder>/<job>.<generation>/`.
std::unique_ptr<Rendezvous> FolderRendezvous(const std::string& folder, const std::string& scope);

// How a failed task ends: who is to blame decides whether it is tried again (docs/tasks.md).
enum class Category { kUser, kInfra, kPreempted, kSystem };

// Opened once by main. Thread-safe. Writing to a worker that is gone ends the process with exit
// code 1.
class Channel {
 public:
  // Reads BRAID_TASK_FD; installs the handlers of SIGTERM (stop_requested) and SIGUSR1 (below).
  static Result<std::unique_ptr<Channel>> Open(const Task& task);
  virtual ~Channel() = default;

  virtual void Started() = 0;
  // At most a few lines a second leave; the last one always does. Negative rate and time left mean
  // unknown.
  virtual void Progress(std::string_view phase, std::string_view unit, int64_t done, int64_t total,
                        double tokens_per_s = -1, double eta_s = -1) = 0;
  virtual void Metric(int64_t step, const Json& values) = 0;
  virtual void Checkpoint(int64_t step, const std::string& folder, const Json& metadata) = 0;
  // One output of the result: `folder` is relative to task.output.
  virtual void AddOutput(const std::string& role, const std::string& kind,
                         const std::string& folder, const Json& metadata) = 0;
  // The last line of a success, with every output added before.
  virtual void Succeed(const Json& summary) = 0;
  // The last line of a failure; also logged.
  virtual void Fail(Category category, const Status& status, const std::string& hint = "",
                    bool deterministic = false) = 0;

  virtual bool stop_requested() const = 0;
  // True once after a SIGUSR1: somebody asks for a checkpoint at the next step.
  virtual bool TakeCheckpointRequest() = 0;
  // The newest step whose checkpoint the worker has stored; -1 if none.
  virtual int64_t stored_checkpoint() const = 0;
  // True iff a worker listens; by hand nothing stores checkpoints, so the program keeps its last
  // two.
  virtual bool has_worker() const = 0;
  virtual Rendezvous& rendezvous() = 0;
};

}  // namespace braid::task
