// Alerts: events that people want to be notified of, such as a failed run or a lost worker.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/words.h"

namespace braid::alert {

// The kinds of alerts. failed, done, cancelled: the end of a run. paused: somebody paused it.
// diverged: a training diverged, and its job failed. stalled: a training made no step and was
// stopped. worker_lost: a worker is silent for too long. worker_quarantined: several jobs in a row
// failed on a worker. disk_low: the coordinator's disk is nearly full, or a worker's is full.
// pool_trouble: a pool cannot get its workers. test: a user tests a channel.
enum class Kind {
  kFailed,
  kDiverged,
  kStalled,
  kDone,
  kCancelled,
  kPaused,
  kWorkerLost,
  kWorkerQuarantined,
  kDiskLow,
  kPoolTrouble,
  kTest
};
// "failed", "diverged", ..., as settings and messages name the kinds.
const Words& WordsOf(Kind);

// Whether the alert reports a problem, for the colour and urgency of messages.
bool IsBad(Kind kind);

// One alert. Every text may come from users: code that shows it must escape it.
struct Alert {
  Kind kind = Kind::kTest;
  // A unique id, the same for every delivery of this alert, by which receivers recognise repeated
  // deliveries.
  std::string id;
  // A summary in one line: "run nightly has failed".
  std::string title;
  // More lines, such as an error; may be empty.
  std::string text;
  // A command that shows more; may be empty.
  std::string command;
  // The URL of the dashboard's page about it; empty if the dashboard's address is not known.
  std::string url;
  int64_t time_ms = 0;  // wall clock
  // The event behind it: its number (0: none) and kind.
  int64_t seq = 0;
  std::string event;
  std::string run_id, run_name, user, job, worker;
};

// The alert as an object of strings and numbers; docs/alerts.md lists them. Every text is UTF-8.
Json ToJson(const Alert& alert);

}  // namespace braid::alert
