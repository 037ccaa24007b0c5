#include "coordinator/core/pauses.h"

#include <algorithm>
#include <vector>

#include "coordinator/core/attempts.h"
#include "task/failure.h"
#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

// 200 characters in any script, which is what the dashboard lets people type.
constexpr size_t kLongestReason = 800;
constexpr size_t kLongestName = 255;

// The run, if it can be paused or resumed.
Result<const RunRecord*> ActiveRun(const std::string& id, const std::string& change,
                                   const State& state) {
  const RunRecord* run = state.FindRun(id);
  if (run == nullptr)
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound, "there is no run " + id);
  if (Ended(run->state)) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kTerminalState,
                  "run " + id + " has ended (" + std::string(Name(run->state)) + "): there is " +
                      "nothing left to " + change);
  }
  if (run->cancel_requested) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kTerminalState,
                  "run " + id + " is being cancelled: there is nothing left to " + change);
  }
  return run;
}

// What goes into rows, events, and onto people's terminals: `what` is "the reason of a pause".
Status CheckLine(const std::string& what, const std::string& text, size_t most) {
  if (text.size() > most) {
    return InvalidArgument(what + " has " + std::to_string(text.size()) + " bytes: at most " +
                           std::to_string(most));
  }
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return InvalidArgument(what + " is one line without control characters");
  return OkStatus();
}

catalog::Failure FailureOf(const RunRecord& run) {
  return {NameOf(task::FailureCategory::kPreempted), "the " + PauseText(run), "", false};
}

}  // namespace

bool StopsForPause(const std::string& job_kind, const AttemptRecord& attempt) {
  return task::WritesCheckpoints(job_kind) &&
         (attempt.state == AttemptState::kOffered || attempt.state == AttemptState::kRunning);
}

Status Pause(const std::string& id, const std::string& by, const std::string& reason,
             Transaction& tx) {
  BRAID_RETURN_IF_ERROR(CheckLine("the reason of a pause", reason, kLongestReason));
  BRAID_RETURN_IF_ERROR(CheckLine("the user's name", by, kLongestName));
  BRAID_ASSIGN_OR_RETURN(const RunRecord* run, ActiveRun(id, "pause", tx.state()));
  if (run->paused_ms > 0) return OkStatus();
  tx.Add(catalog::RunPaused{id, by, reason, std::max<int64_t>(1, tx.wall_ms())});
  const catalog::Failure failure = FailureOf(*tx.state().FindRun(id));
  std::vector<AttemptKey> stop;
  for (const JobRecord* job : tx.state().JobsOf(id)) {
    if (job->state != JobState::kActive) continue;
    const AttemptKey key{id, job->key.job, job->epoch};
    if (StopsForPause(job->kind, *tx.state().FindAttempt(key))) stop.push_back(key);
  }
  for (const AttemptKey& key : stop) {
    StopAttempt(key, catalog::StopReason::kPause, failure, tx);
    FinishIfGone(key, tx);
  }
  return OkStatus();
}

Status Resume(const std::string& id, const std::string& by, Transaction& tx) {
  BRAID_RETURN_IF_ERROR(CheckLine("the user's name", by, kLongestName));
  BRAID_ASSIGN_OR_RETURN(const RunRecord* run, ActiveRun(id, "resume", tx.state()));
  if (run->paused_ms == 0) return OkStatus();
  // A clock that was set back makes the pause nothing, and not less.
  const int64_t lasted_ms = std::max<int64_t>(0, tx.wall_ms() - run->paused_ms);
  tx.Add(catalog::RunResumed{id, by, run->paused_before_ms + lasted_ms});
  return OkStatus();
}

}  // namespace braid::coordinator
