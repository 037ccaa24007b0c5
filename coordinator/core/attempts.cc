#include "coordinator/core/attempts.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/excerpt.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/disks.h"
#include "coordinator/core/gangs.h"
#include "coordinator/core/health.h"
#include "coordinator/core/leased_rank.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/retention.h"
#include "coordinator/core/runs.h"
#include "coordinator/core/time_limits.h"
#include "coordinator/core/watchdog.h"
#include "scheduler/retry.h"

namespace braid::coordinator {
namespace {

using catalog::Failure;
using catalog::StopReason;
using task::FailureCategory;

// Workers send this much at most; a longer text would only fill the catalog.
constexpr size_t kMaxLogTailBytes = 4096;

// The last `max_bytes` of the text. A line that is cut at the front is left out, unless there is no
// other, so that people read whole lines.
std::string LastLines(std::string text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  text.erase(0, text.size() - max_bytes);
  const size_t newline = text.find('\n');
  if (newline + 1 < text.size()) return text.substr(newline + 1);  // npos + 1 is 0: one long line
  return text;
}

Status Stale(const AttemptKey& key, const std::string& why) {
  return Status(StatusCode::kAborted, ErrorReason::kStaleLease,
                "attempt " + key.ToString() + ": " + why);
}

// The input of the retry policy about the attempts of a job; `now` is the one that is ending.
// Counters of the job hold what survives a success in keeping a checkpoint; streaks ("in a row")
// are read from the rows, newest attempt first, because a streak is broken by the first attempt
// that does not belong to it.
scheduler::FailureHistory HistoryOf(const JobRecord& job, const AttemptRecord& now,
                                    const Failure& failure, const State& state) {
  scheduler::FailureHistory history;
  history.user_failures = job.counters.user_failures;
  history.infra_losses = job.counters.infra_losses;
  history.preemptions = job.counters.preemptions;
  history.losses_in_row = job.counters.losses_in_row;
  history.started = now.started_ms > 0;
  // What is certain to fail on a machine, such as a job whose plug-in is not there, is a matter of
  // that machine.
  std::set<std::string> lost_on;
  if (!failure.deterministic) lost_on.insert(now.workers.begin(), now.workers.end());
  const auto attempts = state.AttemptsOf(job.key);
  int64_t in_row = job.counters.losses_in_row;
  bool unstarted = true, all_full = true;
  for (auto it = attempts.rbegin(); it != attempts.rend(); ++it) {
    const AttemptRecord& attempt = **it;
    if (attempt.key == now.key) continue;
    unstarted = unstarted && attempt.started_ms == 0 && Ended(attempt.state);
    if (unstarted) ++history.unstarted_in_row;
    if (IsNameOf(attempt.failure.category, FailureCategory::kSystem) && attempt.started_ms > 0)
      ++history.system_failures;
    all_full = all_full && IsNameOf(attempt.failure.reason, ErrorReason::kStorageFull);
    if (all_full) ++history.disk_full_in_row;
    // A loss for lack of disk space is a matter of that disk, not of a job that destroys its
    // workers.
    const bool counted = IsNameOf(attempt.failure.category, FailureCategory::kInfra) &&
                         attempt.started_ms > 0 &&
                         !IsNameOf(attempt.failure.reason, ErrorReason::kStorageFull);
    if (counted && in_row-- > 0 && !attempt.failure.deterministic)
      lost_on.insert(attempt.workers.begin(), attempt.workers.end());
  }
  history.workers_lost_on = static_cast<int64_t>(lost_on.size()) / std::max<int64_t>(1, job.ranks);
  return history;
}

// How the last attempt ended of a job that has no time for another one, and what is kept of it.
std::string LastAttempt(const Failure& failure) {
  return failure.error.empty() ? "" : "; its last attempt: " + failure.error;
}
std::string Kept(const JobRecord& job) {
  if (job.checkpoint.empty()) return "";
  return "; its checkpoint is that of step " + std::to_string(job.checkpoint_step);
}

// Ends an attempt that did not succeed, and queues its job again or ends the job too. The records
// are copied, because the updates change the rows that the pointers refer to.
void EndUnsuccessful(const AttemptKey& key, AttemptState end, const Failure& failure,
                     Transaction& tx) {
  const State& state = tx.state();
  const AttemptRecord attempt = *state.FindAttempt(key);
  const JobRecord job = *state.FindJob(key.Job());
  tx.Add(catalog::AttemptEnded{key, end, failure, tx.wall_ms()});
  if (job.state == JobState::kCancelling) {
    tx.Add(catalog::JobEnded{job.key,
                             key.epoch,
                             JobState::kCancelled,
                             {},
                             "",
                             "cancelled by request",
                             "",
                             job.counters,
                             tx.wall_ms()});
    Propagate(key.run, tx);
    return;
  }
  scheduler::FailureHistory history = HistoryOf(job, attempt, failure, state);
  history.disk_full = IsNameOf(failure.reason, ErrorReason::kStorageFull);
  const auto decision = scheduler::DecideRetry(task::FailureCategoryOf(failure.category),
                                               failure.deterministic, history,
                                               tx.options().uniform());
  const catalog::Counters counters{decision.history.user_failures, decision.history.infra_losses,
                                   decision.history.preemptions, decision.history.losses_in_row};
  bool again = decision.retry;
  std::string error = failure.error + " (" + decision.reason + ")", hint = failure.hint;
  bool out_of_time = false;
  if (attempt.stop_reason == StopReason::kTimeLimit) {
    again = false;
    error = failure.error + Kept(job);
  } else if (const auto over = again ? TimeIsUp(key, tx) : std::nullopt; over.has_value()) {
    again = false;
    out_of_time = true;
    error = over->error + LastAttempt(failure) + Kept(job);
    hint = over->hint;
  }
  if (again) {
    const int64_t not_before_ms = decision.backoff_ms > 0 ? tx.wall_ms() + decision.backoff_ms : 0;
    tx.Add(catalog::JobRequeued{key, counters, not_before_ms});
    return;
  }
  // A setting with which a training fails is a bad one of those that are compared. What machines or
  // limits of time did to it says nothing about the setting.
  const bool own = IsNameOf(failure.category, FailureCategory::kUser) &&
                   attempt.stop_reason != StopReason::kTimeLimit && !out_of_time;
  tx.Add(catalog::JobEnded{job.key,
                           key.epoch,
                           JobState::kFailed,
                           {},
                           "",
                           std::move(error),
                           std::move(hint),
                           counters,
                           tx.wall_ms(),
                           /*left_behind=*/own && job.rung.number > 0});
  Propagate(key.run, tx);
}

// The failure for which an attempt was asked to stop, with what its program said meanwhile: a
// program that fails instead of writing its checkpoint tells why there is none.
Failure WithLastWords(Failure failure, const Failure& said) {
  if (failure.log_tail.empty()) failure.log_tail = said.log_tail;
  if (!said.category.empty() && !WasStopped(task::FailureCategoryOf(said.category)))
    failure.error += "; while it was stopped: " + said.error;
  return failure;
}

// Adds artifacts to what the worker is known to have in its cache. The worker reports its cache
// itself, but perhaps only after the next job has been placed, and then that job would not be
// placed where its inputs are.
void NoteCached(const std::string& worker, const std::vector<std::string>& artifacts,
                Transaction& tx) {
  if (!tx.state().workers.contains(worker)) return;
  const auto known = tx.state().workers.at(worker).cached;
  std::set<std::string> cached = known == nullptr ? std::set<std::string>() : *known;
  const size_t before = cached.size();
  cached.insert(artifacts.begin(), artifacts.end());
  if (cached.size() == before) return;
  tx.QuietWorker(worker).cached = std::make_shared<const std::set<std::string>>(std::move(cached));
}

Status AcceptSuccess(const EndedCommand& command, Transaction& tx) {
  const State& state = tx.state();
  const AttemptKey& key = command.rank.attempt();
  StringMap outputs;
  for (const catalog::ArtifactRecord& output : command.outputs) {
    outputs[output.role] = output.id;
    CommitIfNotThere(output, tx);
  }
  // The user was told that the job is being cancelled, so it ends as cancelled even if it had
  // succeeded by then. The artifacts are committed all the same: they cost time to make, and a
  // later run may use them.
  if (state.FindJob(key.Job())->state == JobState::kCancelling) {
    tx.attempt(key).ended_ranks.insert(command.rank.rank);
    FinishIfGone(key, tx);
    return OkStatus();
  }
  NoteRoom(command.worker, tx);
  NoteSuccess(*state.FindAttempt(key), tx);
  std::vector<std::string> made;
  for (const catalog::ArtifactRecord& output : command.outputs) made.push_back(output.id);
  NoteCached(command.worker, made, tx);
  NoteKept(command.worker, command.outputs, tx);
  tx.Add(catalog::AttemptEnded{key, AttemptState::kSucceeded, {}, tx.wall_ms()});
  tx.Add(catalog::JobEnded{key.Job(), key.epoch, JobState::kSucceeded, std::move(outputs),
                           command.summary, "", "", state.FindJob(key.Job())->counters,
                           tx.wall_ms()});
  RetireCheckpoints(key.Job(), tx);
  Propagate(key.run, tx);
  return OkStatus();
}

void AcceptFailure(const EndedCommand& command, Transaction& tx) {
  const AttemptKey& key = command.rank.attempt();
  const AttemptRecord& attempt = *tx.state().FindAttempt(key);
  LiveAttempt& live = tx.attempt(key);
  if (IsNameOf(command.failure.reason, ErrorReason::kStorageFull))
    NoteFullDisk(command.worker, command.failure.error, tx);
  if (!command.peer_lost) NoteFailureOn(command.worker, key, command.failure, tx);
  live.ended_ranks.insert(command.rank.rank);
  if (attempt.state == AttemptState::kStopping) {
    if (command.rank.rank == 0 && !command.peer_lost) live.said = command.failure;
    if (live.stalled && command.rank.rank == 0 && !command.failure.log_tail.empty()) {
      live.stalled = false;
      tx.Add(catalog::AttemptStopping{key, attempt.stop_reason,
                                      WithLastLines(attempt.failure, command.failure.log_tail)});
    }
    // When a rank dies, its peers fail in their next collective operation, often before the worker
    // of the dead rank reports. Their failure only says that a peer is gone, so it is replaced once
    // by one that names the cause. Ranks that stopped on request do not know the cause.
    if (attempt.stop_reason == StopReason::kAbort && live.blamed_peer && !command.peer_lost &&
        !WasStopped(task::FailureCategoryOf(command.failure.category))) {
      live.blamed_peer = false;
      tx.Add(catalog::AttemptStopping{key, StopReason::kAbort, command.failure});
    }
    FinishIfGone(key, tx);
  } else if (attempt.workers.size() == 1) {
    const bool preempted = WasStopped(task::FailureCategoryOf(command.failure.category));
    EndUnsuccessful(key, preempted ? AttemptState::kPreempted : AttemptState::kFailed,
                    command.failure, tx);
  } else {
    // No rank of a gang can go on alone: the others are stopped, and the job is queued as a whole.
    live.blamed_peer = command.peer_lost;
    StopAttempt(key, StopReason::kAbort, command.failure, tx);
    FinishIfGone(key, tx);
  }
}

}  // namespace

Result<const AttemptRecord*> LiveAttemptOf(const AttemptKey& key, const State& state) {
  const AttemptRecord* attempt = state.FindAttempt(key);
  if (attempt == nullptr) return Stale(key, "there is no such attempt");
  if (Ended(attempt->state))
    return Stale(key, "it has ended (" + std::string(Name(attempt->state)) + ")");
  return attempt;
}

void CommitIfNotThere(const catalog::ArtifactRecord& artifact, Transaction& tx) {
  const catalog::ArtifactRecord* there = tx.state().FindArtifact(artifact.id);
  if (there == nullptr || there->removed_ms > 0) tx.Add(catalog::ArtifactCommitted{artifact});
}

Status ReportStarted(const RankKey& rank, Transaction& tx) {
  BRAID_ASSIGN_OR_RETURN(const AttemptRecord* attempt, LiveAttemptOf(rank.attempt(), tx.state()));
  if (attempt->state == AttemptState::kOffered)
    tx.Add(catalog::AttemptStarted{rank.attempt(), tx.wall_ms()});
  const JobRecord* job = tx.state().FindJob(rank.Job());
  if (const std::string* worker = WorkerOf(*attempt, rank.rank)) {
    std::vector<std::string> fetched;
    for (const auto& [role, artifact] : job->inputs) fetched.push_back(artifact);
    NoteCached(*worker, fetched, tx);
  }
  return OkStatus();
}

Status CommitCheckpoint(const RankKey& rank, int64_t step, const catalog::ArtifactRecord& artifact,
                        Transaction& tx) {
  BRAID_RETURN_IF_ERROR(LiveAttemptOf(rank.attempt(), tx.state()).status());
  const JobRecord* job = tx.state().FindJob(rank.attempt().Job());
  BRAID_RETURN_IF_ERROR(CheckBinding(*job, artifact));
  if (job->checkpoint == artifact.id) return OkStatus();
  if (step < job->checkpoint_step) {
    return Stale(rank.attempt(), "a checkpoint of step " + std::to_string(step) +
                                     " is older than that of step " +
                                     std::to_string(job->checkpoint_step));
  }
  CommitIfNotThere(artifact, tx);
  tx.Add(catalog::CheckpointCommitted{rank.attempt(), step, artifact.id});
  RetireCheckpoints(rank.attempt().Job(), tx);
  const AttemptRecord& attempt = *tx.state().FindAttempt(rank.attempt());
  if (const std::string* worker = WorkerOf(attempt, rank.rank)) {
    NoteRoom(*worker, tx);
    NoteKept(*worker, {artifact}, tx);
  }
  return OkStatus();
}

Status ReportEnded(const EndedCommand& command, Transaction& tx) {
  const AttemptKey& key = command.rank.attempt();
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr) return Stale(key, "there is no such attempt");
  const std::string* leased_to = WorkerOf(*attempt, command.rank.rank);
  if (leased_to == nullptr) return Stale(key, "it has no such rank");
  if (*leased_to != command.worker) {
    return Stale(
        key, "rank " + std::to_string(command.rank.rank) + " is leased to worker " + *leased_to);
  }
  if (Ended(attempt->state)) {
    // The worker repeats a report until it is acknowledged. If the outcome agrees with the
    // attempt's, or the report is a failure that changes nothing any more, acknowledging it lets
    // the worker forget it. The other cases have to tell the worker that its lease is over.
    const bool same = attempt->state == AttemptState::kSucceeded ||
                      (!command.success && attempt->state != AttemptState::kLost);
    return same ? OkStatus()
                : Stale(key, "it has ended (" + std::string(Name(attempt->state)) + ")");
  }
  if (!command.success) {
    // The catalog grows with each failure, so texts are cut here again, whatever a worker of
    // another version sends.
    EndedCommand failed = command;
    for (std::string* text : {&failed.failure.error, &failed.failure.hint})
      *text = Excerpt(*text, kMessageBytes);
    failed.failure.log_tail = LastLines(std::move(failed.failure.log_tail), kMaxLogTailBytes);
    AcceptFailure(failed, tx);
    return OkStatus();
  }
  for (const catalog::ArtifactRecord& output : command.outputs)
    BRAID_RETURN_IF_ERROR(CheckBinding(*tx.state().FindJob(key.Job()), output));
  if (command.rank.rank == 0) return AcceptSuccess(command, tx);
  tx.attempt(key).ended_ranks.insert(command.rank.rank);
  FinishIfGone(key, tx);
  return OkStatus();
}

void LoseRank(const AttemptKey& key, int64_t rank, const std::string& why, Transaction& tx) {
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr || Ended(attempt->state)) return;
  const Failure failure{NameOf(FailureCategory::kInfra), why, "", false};
  if (attempt->state == AttemptState::kStopping) {
    const auto live = tx.state().attempts.find(key);
    if (live == tx.state().attempts.end() || !live->second.ended_ranks.contains(rank))
      tx.attempt(key).ended_ranks.insert(rank);
    FinishIfGone(key, tx);
  } else if (attempt->workers.size() == 1) {
    EndUnsuccessful(key, AttemptState::kLost, failure, tx);
  } else {
    tx.attempt(key).ended_ranks.insert(rank);
    StopAttempt(key, StopReason::kAbort, failure, tx);
    FinishIfGone(key, tx);
  }
}

// An aborted attempt has nothing to save (one of its ranks failed), so its other ranks are killed
// at once.
int64_t StopTimeoutMs(StopReason reason, const Options& options) {
  switch (reason) {
    case StopReason::kDrain:
    case StopReason::kTimeLimit:
    case StopReason::kPause:
      return options.drain_deadline_ms;
    case StopReason::kPreempt:
      return options.preempt_grace_ms;
    case StopReason::kCancel:
      return options.cancel_deadline_ms;
    case StopReason::kNone:
    case StopReason::kAbort:
      break;
  }
  return 0;
}

void StopAttempt(const AttemptKey& key, StopReason reason, const Failure& failure,
                 Transaction& tx) {
  tx.Add(catalog::AttemptStopping{key, reason, failure});
  // What its workers have acted on so far was another stop, or none. It is noted anew which of
  // their sets has this one (desired.cc).
  LiveAttempt& live = tx.attempt(key);
  live.stop_version.clear();
  live.stops_until_wall_ms = tx.wall_ms() + StopTimeoutMs(reason, tx.options());
  live.stop_ends_ms = tx.now_ms() + StopTimeoutMs(reason, tx.options());
  if (reason == StopReason::kAbort) AskAgain(*tx.state().FindAttempt(key), tx);
}

void FinishIfGone(const AttemptKey& key, Transaction& tx) {
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr || attempt->state != AttemptState::kStopping) return;
  const bool fenced = !tx.state().AllRanksGone(*attempt);
  if (fenced && !OnlySilentRanksLeft(*attempt, tx.state())) return;
  if (fenced && tx.attempt(key).blamed_peer) {
    // The cause cannot arrive any more, and this is the best that is known of it.
    tx.Add(catalog::AttemptStopping{
        key,
        StopReason::kAbort,
        {NameOf(FailureCategory::kInfra),
         "nothing is heard of " + SilentRanks(*attempt, tx.state()), "", false}});
    attempt = tx.state().FindAttempt(key);
  }
  AttemptState end = AttemptState::kFailed;
  if (attempt->stop_reason == StopReason::kCancel) {
    end = AttemptState::kCancelled;
  } else if (attempt->stop_reason == StopReason::kDrain ||
             attempt->stop_reason == StopReason::kPause ||
             attempt->stop_reason == StopReason::kPreempt ||
             WasStopped(task::FailureCategoryOf(attempt->failure.category))) {
    end = AttemptState::kPreempted;
  }
  Failure failure = attempt->failure;
  const auto live = tx.state().attempts.find(key);
  if (attempt->stop_reason != StopReason::kAbort && live != tx.state().attempts.end())
    failure = WithLastWords(std::move(failure), live->second.said);
  EndUnsuccessful(key, end, failure, tx);
}

}  // namespace braid::coordinator
