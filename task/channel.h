// The connection between a task program and its worker: events to the worker, control messages from
// it, and the keys through which the ranks of a gang find each other (docs/tasks.md, "The
// channel").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "task/artifact.h"
#include "task/failure.h"
#include "task/task.h"

namespace braid::task {

// A table of small values that all ranks of one attempt share. A key keeps its first value.
// Thread-safe; Get blocks.
class Rendezvous {
 public:
  virtual ~Rendezvous() = default;
  // Stores a value. kAlreadyExists if the key has another value; the same value again is OK.
  virtual Status Put(const std::string& key, std::string_view value) = 0;
  // Waits until another rank has stored the key and returns its value; kDeadlineExceeded after
  // `timeout_ms` milliseconds.
  virtual Result<std::string> Get(const std::string& key, int64_t timeout_ms) = 0;
};

// A table in the folder JoinPath(folder, scope), which all ranks can reach, for gangs that were
// started without a worker. `scope` ("<job>.<generation>") keeps attempts apart.
std::unique_ptr<Rendezvous> FolderRendezvous(const std::string& folder, const std::string& scope);

// Opened once, by main(), and never destroyed. Thread-safe. If the worker has gone, the process
// ends with exit code 1 at the next write or read: its results could not be stored.
class Channel {
 public:
  // Connects to the worker through the socket that BRAID_TASK_FD names; without it, events go to
  // standard output and nothing is read. Installs a handler for SIGTERM, which makes
  // stop_requested() true, and ignores SIGPIPE.
  static Result<std::unique_ptr<Channel>> Open(const Task& task);
  virtual ~Channel() = default;

  // Reports that the program runs. REQUIRES: called once, before all other events.
  virtual void Started() = 0;
  // Reports progress; may be called at each step. At most four lines a second are sent, but always
  // the first of a phase and the one with done == total. Negative `tokens_per_s` and `eta_s` mean
  // unknown.
  virtual void Progress(std::string_view phase, std::string_view unit, int64_t done, int64_t total,
                        double tokens_per_s = -1, double eta_s = -1) = 0;
  // Says that a phase of the work begins, which ends the one before it: both are spans in the trace
  // of the job. Progress in another phase begins that one by itself, so this is for phases whose
  // first progress comes late.
  virtual void BeginPhase(std::string_view phase);
  // Reports a part of the work that has ended, beside the phases, for the same trace: its name,
  // when it was (wall clock, in milliseconds), and an object of numbers and texts. See
  // task/timed_span.h.
  virtual void Span(std::string_view name, int64_t begin_ms, int64_t end_ms,
                    const Json& attributes);
  // Reports the values of one step, an object of name to number.
  virtual void Metric(int64_t step, const Json& values) = 0;
  // Hands a checkpoint over: `folder` is absolute, complete and synced, and must stay until
  // stored_checkpoint() has reached `step`.
  virtual void Checkpoint(int64_t step, const std::string& folder, const Json& metadata) = 0;
  // Adds one output to the result: an artifact of this kind, under this role. `folder` is relative
  // to task.output.
  virtual void AddOutput(const std::string& role, ArtifactKind kind, const std::string& folder,
                         const Json& metadata) = 0;
  // Sends the result with all outputs added so far, as the last event of a success. `summary` is an
  // object for people and for the report.
  virtual void Succeed(const Json& summary) = 0;
  // Sends the error as the last event of a failure, and logs it. `category` decides whether the job
  // is tried again (scheduler/retry.h).
  virtual void Fail(FailureCategory category, const Status& status, const std::string& hint = "",
                    bool deterministic = false) = 0;

  // True once the worker, or SIGTERM, has asked the program to write a checkpoint and end.
  virtual bool stop_requested() const = 0;
  // True once after each request of the worker for a checkpoint ("checkpoint_now").
  virtual bool TakeCheckpointRequest() = 0;
  // The newest step whose checkpoint the worker has stored; -1 if there is none.
  virtual int64_t stored_checkpoint() const = 0;
  // True iff a worker listens. Without one nobody stores checkpoints, so the program keeps its last
  // two.
  virtual bool has_worker() const = 0;
  // The table of this attempt's gang; owned by the channel.
  virtual Rendezvous& rendezvous() = 0;
};

}  // namespace braid::task
