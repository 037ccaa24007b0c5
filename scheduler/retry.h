// Whether a failed attempt is followed by another, and which counter it is charged to.
#pragma once

#include <cstdint>
#include <string>

namespace braid::scheduler {

struct FailureHistory {
  int64_t user_failures = 0;
  int64_t infra_losses = 0;
  int64_t preemptions = 0;
  int64_t losses_in_row = 0;     // infra, since the last new checkpoint
  int64_t system_failures = 0;   // earlier attempts whose program ran and that ended with category
                                 // system
  int64_t workers_lost_on = 0;   // distinct workers among the losses in a row, this one included
  bool started = true;           // the program of this attempt ran
  int64_t unstarted_in_row = 0;  // attempts before this one, in a row, whose program never ran
  bool disk_full = false;        // it failed for want of room on its worker's disk
  int64_t disk_full_in_row = 0;  // attempts before this one, in a row, that failed for that
};

enum class FailureCategory { kUser, kInfra, kPreempted, kSystem };
// "user" -> kUser, and so on; what is unknown is kSystem.
FailureCategory ParseFailureCategory(const std::string& category);

struct RetryDecision {
  bool retry = false;
  FailureHistory history;  // with this failure counted
  int64_t backoff_ms = 0;
  bool exclude_worker = false;
  std::string reason;  // if !retry: for people
};

// user: two more tries, none if deterministic. infra: again, but a job whose program was lost three
// times in a row on three workers (or ten times on any) without a new checkpoint is poison.
// preempted: always. system: once, on another worker. What fails before its program runs, or for
// want of room on a worker's disk, says nothing about the job: it is tried again without end
// (elsewhere, if it was of system), later each time, and never counts towards poison.
RetryDecision DecideRetry(FailureCategory blame, bool deterministic, const FailureHistory& history,
                          double uniform);

}  // namespace braid::scheduler
