// Decisions about the sessions of workers: their beginning, their heartbeats and their end. They
// run in the core's thread. What follows from a worker's silence is decided in watch.h, and whether
// it gets new attempts in admission.h.
//
//   Hello -> session open, Signal ... Signal -> SessionClosed -> grace period -> worker lost
//     ^                                                              |           (its ranks, too)
//     +------------------------- the ranks go on --------------------+
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// A rank that a worker has, as it reports it in a heartbeat.
struct RankReport {
  RankKey rank;
  // Absent while the program has said nothing.
  std::optional<task::Progress> progress;
};

// One heartbeat of a worker.
struct SignalCommand {
  std::string worker;
  int64_t session_id = 0;
  // Every rank that the worker has, in whatever state. A rank that is missing here has ended or was
  // never started.
  std::vector<RankReport> ranks;
  // Ranks of earlier boots of the worker whose reports are still on their way.
  std::set<RankKey> delivering;
  // All artifacts in the worker's cache; set only if they changed since the last heartbeat.
  std::optional<std::vector<std::string>> cached;
  // Those of them that it keeps because they are bound to its site; set with `cached`.
  std::vector<std::string> kept;
  // Where its ranks are reached from other hosts; set with a hello that says so.
  std::optional<Advertised> advertised;
  // How it exchanges files with others of its site; set with a hello that says so.
  std::optional<Exchange> exchange;
  // What it found about its peers, by worker; set only if it changed since the last heartbeat.
  std::optional<std::map<std::string, PeerReach>> reach;
  // The newest Desired::version that the worker has acted on.
  int64_t applied_version = 0;
  // The worker has been told to exit (by a signal, say) and wants no new ranks.
  bool draining = false;
  // An ephemeral worker ends now, and this is its last message.
  bool leaving = false;
  // Free space where the worker's folder is; -1 if the worker does not report it.
  int64_t disk_free_bytes = -1;
};

// Opens a session and returns its id. Adds no update, so that a full disk keeps no worker out: the
// next pass that can write registers the worker, and ends the ranks of an earlier boot.
//
// The same boot may say hello again at any time (its stream broke), and so may another boot with
// the same folder; a session of theirs that is still open ends, and its sink is told. For another
// worker with the same id the answer is kAlreadyExists (ALREADY_EXISTS) while the elder one is
// connected, and kUnavailable (RECOVERING) while a coordinator that has just started waits for the
// elder, whose jobs may still run. kInvalidArgument for a hello with impossible values.
Result<int64_t> Hello(const catalog::WorkerRecord& worker, std::shared_ptr<SessionSink> sink,
                      Transaction& tx);

// Stores a heartbeat. kAlreadyExists (WORKER_REPLACED) if another session has taken over the id;
// kInvalidArgument if it advertises something impossible, or says so of how it exchanges files.
// Adds no update.
Status Signal(const SignalCommand& command, Transaction& tx);

// The stream of a session has ended. Ranks go on; the leases are kept for a grace period
// (scheduler/lease.h). Ignored if a newer session is open.
void SessionClosed(const std::string& worker, int64_t session_id, Transaction& tx);

}  // namespace braid::coordinator
