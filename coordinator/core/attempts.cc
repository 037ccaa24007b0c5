#include "coordinator/core/attempts.h"

#include <algorithm>
#include <set>

#include "base/excerpt.h"
#include "coordinator/core/disks.h"
#include "coordinator/core/runs.h"
#include "scheduler/retry.h"

namespace braid::coordinator {
namespace {

using catalog::Failure;

constexpr char kStorageFull[] = "STORAGE_FULL";
constexpr size_t kMaxLogTailBytes = 4096;

// The end of the text, whole lines of it where they are short enough, and whole characters.
std::string LastLines(std::string text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  text.erase(0, text.size() - max_bytes);
  const size_t newline = text.find('\n');
  if (newline + 1 < text.size()) return text.substr(newline + 1);  // npos + 1 is 0: one long line
  return text;
}

Status Stale(const AttemptKey& key, const std::string& why) {
  return Status(StatusCode::kAborted, "STALE_LEASE", "attempt " + key.ToString() + ": " + why);
}

// The failed attempts of the job since its last success in keeping something: what the policy wants
// to know.
scheduler::FailureHistory HistoryOf(const JobRecord& job, const AttemptRecord& now,
                                    const State& state) {
  scheduler::FailureHistory history;
  history.user_failures = job.counters.user_failures;
  history.infra_losses = job.counters.infra_losses;
  history.preemptions = job.counters.preemptions;
  history.losses_in_row = job.counters.losses_in_row;
  history.started = now.started_ms > 0;
  std::set<std::string> lost_on(now.workers.begin(), now.workers.end());
  const auto attempts = state.AttemptsOf(job.key);
  int64_t in_row = job.counters.losses_in_row;
  bool unstarted = true, all_full = true;
  for (auto it = attempts.rbegin(); it != attempts.rend(); ++it) {
    const AttemptRecord& attempt = **it;
    if (attempt.key == now.key) continue;
    unstarted = unstarted && attempt.started_ms == 0 && Ended(attempt.state);
    if (unstarted) ++history.unstarted_in_row;
    if (attempt.failure.category == "system" && attempt.started_ms > 0) ++history.system_failures;
    all_full = all_full && attempt.failure.reason == kStorageFull;
    if (all_full) ++history.disk_full_in_row;
    const bool counted = attempt.failure.category == "infra" && attempt.started_ms > 0 &&
                         attempt.failure.reason != kStorageFull;
    if (counted && in_row-- > 0) lost_on.insert(attempt.workers.begin(), attempt.workers.end());
  }
  history.workers_lost_on = static_cast<int64_t>(lost_on.size()) / std::max<int64_t>(1, job.ranks);
  return history;
}

// The attempt is over without success: ends it, and queues the job again or ends it too.
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
  scheduler::FailureHistory history = HistoryOf(job, attempt, state);
  history.disk_full = failure.reason == kStorageFull;
  const auto decision = scheduler::DecideRetry(scheduler::ParseFailureCategory(failure.category),
                                               failure.deterministic, history,
                                               tx.options().uniform());
  const catalog::Counters counters{decision.history.user_failures, decision.history.infra_losses,
                                   decision.history.preemptions, decision.history.losses_in_row};
  if (decision.retry) {
    const int64_t not_before_ms = decision.backoff_ms > 0 ? tx.wall_ms() + decision.backoff_ms : 0;
    tx.Add(catalog::JobRequeued{key, counters, not_before_ms});
    return;
  }
  tx.Add(catalog::JobEnded{job.key,
                           key.epoch,
                           JobState::kFailed,
                           {},
                           "",
                           failure.error + " (" + decision.reason + ")",
                           failure.hint,
                           counters,
                           tx.wall_ms()});
  Propagate(key.run, tx);
}

// What a worker has on its disk follows from what it did. It says so itself, too, but perhaps later
// than the next job is placed.
void NoteCached(const std::string& worker, const std::vector<std::string>& artifacts,
                Transaction& tx) {
  if (!tx.state().workers.contains(worker)) return;
  LiveWorker& live = tx.worker(worker);
  live.cached.insert(artifacts.begin(), artifacts.end());
}

Status AcceptSuccess(const EndedCommand& command, Transaction& tx) {
  const State& state = tx.state();
  const AttemptKey& key = command.rank.attempt();
  StringMap outputs;
  for (const catalog::ArtifactRecord& output : command.outputs) {
    outputs[output.role] = output.id;
    if (state.FindArtifact(output.id) == nullptr) tx.Add(catalog::ArtifactCommitted{output});
  }
  // A success that crossed a cancellation is kept as artifacts; the job ends cancelled all the
  // same.
  if (state.FindJob(key.Job())->state == JobState::kCancelling) {
    tx.attempt(key).ended_ranks.insert(command.rank.rank);
    FinishIfGone(key, tx);
    return OkStatus();
  }
  NoteRoom(command.worker, tx);
  std::vector<std::string> made;
  for (const catalog::ArtifactRecord& output : command.outputs) made.push_back(output.id);
  NoteCached(command.worker, made, tx);
  tx.Add(catalog::AttemptEnded{key, AttemptState::kSucceeded, {}, tx.wall_ms()});
  tx.Add(catalog::JobEnded{key.Job(), key.epoch, JobState::kSucceeded, std::move(outputs),
                           command.summary, "", "", state.FindJob(key.Job())->counters,
                           tx.wall_ms()});
  Propagate(key.run, tx);
  return OkStatus();
}

void AcceptFailure(const EndedCommand& command, Transaction& tx) {
  const AttemptKey& key = command.rank.attempt();
  const AttemptRecord& attempt = *tx.state().FindAttempt(key);
  LiveAttempt& live = tx.attempt(key);
  if (command.failure.reason == kStorageFull)
    NoteFullDisk(command.worker, command.failure.error, tx);
  live.ended_ranks.insert(command.rank.rank);
  if (attempt.state == AttemptState::kStopping) {
    // The first rank to fall over often only says that a peer is gone; the one that knows why may
    // be slower.
    const std::string& category = command.failure.category;
    if (attempt.stop_reason == "abort" && live.blamed_peer && !command.peer_lost &&
        category != "cancelled" && category != "preempted") {
      live.blamed_peer = false;
      tx.Add(catalog::AttemptStopping{key, "abort", command.failure});
    }
    FinishIfGone(key, tx);
  } else if (attempt.workers.size() == 1) {
    const bool preempted = scheduler::ParseFailureCategory(command.failure.category) ==
                           scheduler::FailureCategory::kPreempted;
    EndUnsuccessful(key, preempted ? AttemptState::kPreempted : AttemptState::kFailed,
                    command.failure, tx);
  } else {
    live.blamed_peer = command.peer_lost;
    StopAttempt(key, "abort", command.failure, tx);
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

Status ReportStarted(const RankKey& rank, Transaction& tx) {
  BRAID_ASSIGN_OR_RETURN(const AttemptRecord* attempt, LiveAttemptOf(rank.attempt(), tx.state()));
  if (attempt->state == AttemptState::kOffered)
    tx.Add(catalog::AttemptStarted{rank.attempt(), tx.wall_ms()});
  const JobRecord* job = tx.state().FindJob(rank.Job());
  if (rank.rank >= 0 && static_cast<size_t>(rank.rank) < attempt->workers.size()) {
    std::vector<std::string> fetched;
    for (const auto& [role, artifact] : job->inputs) fetched.push_back(artifact);
    NoteCached(attempt->workers[static_cast<size_t>(rank.rank)], fetched, tx);
  }
  return OkStatus();
}

Status CommitCheckpoint(const RankKey& rank, int64_t step, const catalog::ArtifactRecord& artifact,
                        Transaction& tx) {
  BRAID_RETURN_IF_ERROR(LiveAttemptOf(rank.attempt(), tx.state()).status());
  const JobRecord* job = tx.state().FindJob(rank.attempt().Job());
  if (job->checkpoint == artifact.id) return OkStatus();
  if (step < job->checkpoint_step) {
    return Stale(rank.attempt(), "a checkpoint of step " + std::to_string(step) +
                                     " is older than that of step " +
                                     std::to_string(job->checkpoint_step));
  }
  if (tx.state().FindArtifact(artifact.id) == nullptr) tx.Add(catalog::ArtifactCommitted{artifact});
  tx.Add(catalog::CheckpointCommitted{rank.attempt(), step, artifact.id});
  const AttemptRecord& attempt = *tx.state().FindAttempt(rank.attempt());
  if (rank.rank >= 0 && static_cast<size_t>(rank.rank) < attempt.workers.size()) {
    NoteRoom(attempt.workers[static_cast<size_t>(rank.rank)], tx);
  }
  return OkStatus();
}

Status ReportEnded(const EndedCommand& command, Transaction& tx) {
  const AttemptKey& key = command.rank.attempt();
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr) return Stale(key, "there is no such attempt");
  const auto rank = static_cast<size_t>(command.rank.rank);
  if (command.rank.rank < 0 || rank >= attempt->workers.size())
    return Stale(key, "it has no such rank");
  if (attempt->workers[rank] != command.worker) {
    return Stale(key,
                 "rank " + std::to_string(rank) + " is leased to worker " + attempt->workers[rank]);
  }
  if (Ended(attempt->state)) {
    // Said before, or without consequence: the worker may forget it.
    const bool same = attempt->state == AttemptState::kSucceeded ||
                      (!command.success && attempt->state != AttemptState::kLost);
    return same ? OkStatus()
                : Stale(key, "it has ended (" + std::string(Name(attempt->state)) + ")");
  }
  if (!command.success) {
    // Programs and workers bound what they say; what is stored does not depend on it.
    EndedCommand failed = command;
    for (std::string* text : {&failed.failure.error, &failed.failure.hint})
      *text = Excerpt(*text, kMessageBytes);
    failed.failure.log_tail = LastLines(std::move(failed.failure.log_tail), kMaxLogTailBytes);
    AcceptFailure(failed, tx);
    return OkStatus();
  }
  if (command.rank.rank == 0) return AcceptSuccess(command, tx);
  tx.attempt(key).ended_ranks.insert(command.rank.rank);
  FinishIfGone(key, tx);
  return OkStatus();
}

void LoseRank(const AttemptKey& key, int64_t rank, const std::string& why, Transaction& tx) {
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr || Ended(attempt->state)) return;
  const Failure failure{"infra", why, "", false};
  if (attempt->state == AttemptState::kStopping) {
    FinishIfGone(key, tx);
  } else if (attempt->workers.size() == 1) {
    EndUnsuccessful(key, AttemptState::kLost, failure, tx);
  } else {
    tx.attempt(key).ended_ranks.insert(rank);
    StopAttempt(key, "abort", failure, tx);
    FinishIfGone(key, tx);
  }
}

void StopAttempt(const AttemptKey& key, const std::string& reason, const Failure& failure,
                 Transaction& tx) {
  tx.Add(catalog::AttemptStopping{key, reason, failure});
  tx.attempt(key).stop_version.clear();
}

void FinishIfGone(const AttemptKey& key, Transaction& tx) {
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr || attempt->state != AttemptState::kStopping ||
      !tx.state().AllRanksGone(*attempt))
    return;
  AttemptState end = AttemptState::kFailed;
  if (attempt->stop_reason == "cancel") {
    end = AttemptState::kCancelled;
  } else if (attempt->stop_reason == "drain" ||
             scheduler::ParseFailureCategory(attempt->failure.category) ==
                 scheduler::FailureCategory::kPreempted) {
    end = AttemptState::kPreempted;
  }
  const Failure failure = attempt->failure;
  EndUnsuccessful(key, end, failure, tx);
}

}  // namespace braid::coordinator
