// Something that people asked to be told of: a run has failed, a worker is lost.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/words.h"

namespace braid::alert {

// failed, done, cancelled: a run has ended so. diverged: a training has, and its job failed.
// stalled: a training made no step and was stopped. worker_lost: nothing is heard of a worker.
// worker_quarantined: several jobs in a row failed on one.
// disk_low: the coordinator's disk is nearly full, or a worker's is full. pool_trouble: a pool
// cannot get its workers. test: somebody tries a channel.
enum class Kind {
  kFailed,
  kDiverged,
  kStalled,
  kDone,
  kCancelled,
  kWorkerLost,
  kWorkerQuarantined,
  kDiskLow,
  kPoolTrouble,
  kTest
};
const Words& WordsOf(Kind);

// Whether somebody has to do something about it, for colours and urgency.
bool IsBad(Kind kind);

// One alert. Every text may come from users: whoever shows it makes it harmless.
struct Alert {
  Kind kind = Kind::kTest;
  // The same for every delivery of this alert, and of no other one: receivers that were told twice
  // know by it.
  std::string id;
  // One line that says all: "run nightly has failed".
  std::string title;
  // More lines, such as an error; may be empty.
  std::string text;
  // A command that shows more; may be empty.
  std::string command;
  // The page of the dashboard about it; empty if it is not known where people reach that.
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
