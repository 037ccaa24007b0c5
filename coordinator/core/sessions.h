// Decisions on workers: hello, signals, silence, admission.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

struct RankReport {
  RankKey rank;
  std::optional<task::Progress> progress;
};

struct SignalCommand {
  std::string worker;
  int64_t session_id = 0;
  std::vector<RankReport> ranks;                   // the whole inventory
  std::optional<std::vector<std::string>> cached;  // when it changed
  int64_t applied_version = 0;
  bool draining = false;
  int64_t disk_free_bytes = -1;  // of the worker's folder; -1: not said
};

// Opens a session. Writes nothing, so that a full disk keeps nobody out: the next pass that can
// write registers the worker and ends what an old boot of it ran. Returns the session's id. The
// same boot may come again at any time (its stream broke), and so may another boot of the same
// folder; an open session of theirs ends (its sink is told). Another worker of that id gets
// kAlreadyExists (ALREADY_EXISTS) while the elder is heard, and kUnavailable (RECOVERING) while a
// coordinator that has just started still waits for the elder, whose jobs run. kInvalidArgument for
// a hello that cannot be.
Result<int64_t> Hello(const catalog::WorkerRecord& worker, std::shared_ptr<SessionSink> sink,
                      Transaction& tx);

// kAlreadyExists (WORKER_REPLACED) if another session has taken over. Writes nothing.
Status Signal(const SignalCommand& command, Transaction& tx);

// The stream ended. Nothing stops; the lease is kept for its grace.
void SessionClosed(const std::string& worker, int64_t session_id, Transaction& tx);

// Links as the silence says. Writes nothing: what there is to write of it waits for WatchWorkers.
void ObserveWorkers(State& state, const Options& options, int64_t now_ms);

// Writes what sessions left to write; what a lost worker ran is lost, and what a present one should
// run and does not have. Attempts that are stopping end when nothing of them is left.
// Returns what could not be done, for the log; the rest was.
std::string WatchWorkers(Transaction& tx);

// kNotFound for a worker that never registered.
Status Cordon(const std::string& worker, bool open, Transaction& tx);
Status Drain(const std::string& worker, Transaction& tx);

}  // namespace braid::coordinator
