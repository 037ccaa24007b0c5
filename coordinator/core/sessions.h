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
  bool running = false;
  std::optional<ProgressView> progress;
};

struct SignalCommand {
  std::string worker;
  int64_t session_id = 0;
  std::vector<RankReport> ranks;                    // the whole inventory
  std::optional<std::vector<std::string>> cached;   // when it changed
  int64_t seen_version = 0;
  bool draining = false;
};

// Opens a session. One of the same worker that is still open ends (its sink is told); a new boot id ends what the old boot
// ran. Returns the session's id. kInvalidArgument for a hello that cannot be.
Result<int64_t> Hello(const catalog::WorkerRecord& worker, std::shared_ptr<SessionSink> sink, Transaction& tx);

// kAlreadyExists (WORKER_REPLACED) if another session has taken over.
Status Signal(const SignalCommand& command, Transaction& tx);

// The stream ended. Nothing stops; the lease is kept for its grace.
void SessionClosed(const std::string& worker, int64_t session_id, Transaction& tx);

// Links as the silence says; what a lost worker ran is lost, and what a present one should run and does not have. Attempts
// that are stopping end when nothing of them is left.
void WatchWorkers(Transaction& tx);

// kNotFound for a worker that never registered.
Status Cordon(const std::string& worker, bool open, Transaction& tx);
Status Drain(const std::string& worker, Transaction& tx);

}  // namespace braid::coordinator
