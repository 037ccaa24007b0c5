#include "coordinator/core/state.h"

#include <algorithm>

namespace braid::coordinator {

using catalog::ArtifactRecord;

namespace {

// True if the worker has applied the version that `told` notes for the rank, and its inventory does
// not have the rank. Without the comparison of versions, a rank that was assigned a moment ago
// would look missing until the worker starts it.
bool IsMissing(const LiveWorker& worker, const std::map<int64_t, int64_t>& told,
               const AttemptKey& attempt, int64_t rank) {
  const auto version = told.find(rank);
  return worker.session != nullptr && version != told.end() &&
         worker.applied_version >= version->second && !worker.ranks.contains({attempt, rank});
}

}  // namespace

void State::Reset(catalog::Image image) {
  Reset({std::move(image), {}}, nullptr);
}

void State::Reset(catalog::LiveRows rows, catalog::Past* past) {
  image_ = std::move(rows.image);
  elsewhere_ = std::move(rows.elsewhere);
  past_ = past;
  residents_ = {};
  deleted_.clear();
  indices_.Rebuild(image_);
  std::erase_if(attempts, [&](const auto& entry) { return !live().contains(entry.first); });
  changes.MarkAll();
}

void State::Apply(const catalog::Update& update) {
  Note(update);
  indices_.TakeOut(update, image_);
  catalog::Apply(update, image_);
  indices_.PutIn(update, image_);
  NoteGuests(update);
  if (const auto* over = std::get_if<catalog::AttemptEnded>(&update)) attempts.erase(over->attempt);
}

void State::TakeBack(const catalog::Update& update, const catalog::Undo& undo) {
  indices_.TakeOut(update, image_);
  undo(image_);
  indices_.PutIn(update, image_);
  indices_.NoteTakenBack(update);
  if (const auto* granted = std::get_if<catalog::AttemptGranted>(&update))
    attempts.erase(granted->attempt.key);
  if (const auto* deleted = std::get_if<catalog::RunDeleted>(&update)) deleted_.erase(deleted->run);
}

// The DesiredState of its workers changes, and so do their leases.
void State::NoteAttempt(const AttemptRecord& attempt) {
  changes.attempts.insert(attempt.key);
  changes.workers.insert(attempt.workers.begin(), attempt.workers.end());
  changes.desired.insert(attempt.workers.begin(), attempt.workers.end());
}

void State::Note(const catalog::Update& update) {
  if (const auto* created = std::get_if<catalog::JobCreated>(&update)) {
    changes.scheduling |= created->job.state == JobState::kQueued;
    changes.peers |= created->job.ranks > 1 || created->job.binding != task::Binding::kNothing;
  } else if (std::holds_alternative<catalog::JobQueued>(update) ||
             std::holds_alternative<catalog::JobRequeued>(update)) {
    changes.scheduling = true;
  } else if (std::holds_alternative<catalog::RunPaused>(update) ||
             std::holds_alternative<catalog::RunResumed>(update)) {
    changes.scheduling = true;
  } else if (const auto* ended = std::get_if<catalog::JobEnded>(&update)) {
    changes.scheduling |= indices_.queued().contains(ended->job);
    changes.peers |= gangs().contains(ended->job) || with_binding().contains(ended->job);
  } else if (const auto* granted = std::get_if<catalog::AttemptGranted>(&update)) {
    NoteAttempt(granted->attempt);
  } else if (const auto* stopping = std::get_if<catalog::AttemptStopping>(&update)) {
    NoteAttempt(*FindAttempt(stopping->attempt));
    changes.scheduling = true;  // its slots will be free soon
  } else if (const auto* over = std::get_if<catalog::AttemptEnded>(&update)) {
    NoteAttempt(*FindAttempt(over->attempt));
    changes.scheduling = changes.gpus = true;
  } else if (const auto* registered = std::get_if<catalog::WorkerRegistered>(&update)) {
    changes.scheduling = changes.gpus = true;
    changes.workers.insert(registered->worker.id);
    // Whether the ranks of a gang are on one host depends on the records of all its workers.
    for (const AttemptKey& key : LiveOn(registered->worker.id)) NoteAttempt(*FindAttempt(key));
  } else if (const auto* admitted = std::get_if<catalog::WorkerAdmitted>(&update)) {
    changes.scheduling = true;
    changes.workers.insert(admitted->worker);
  } else if (const auto* health = std::get_if<catalog::WorkerHealthChanged>(&update)) {
    changes.scheduling |= !health->event.empty();
    changes.workers.insert(health->worker);
  } else if (std::holds_alternative<catalog::WorkerForgotten>(update)) {
    changes.scheduling = changes.gpus = true;
  }
}

std::optional<PendingView> State::PendingOf(const JobRecord& job) const {
  const RunRecord* run = job.state == JobState::kQueued ? FindRun(job.key.run) : nullptr;
  if (run != nullptr && run->paused_ms > 0) {
    return PendingView{scheduler::Reason::kRunPaused, "the " + PauseText(*run),
                       std::max(run->paused_ms, QueuedMs(job, *this))};
  }
  if (!queued().contains(job.key)) return std::nullopt;
  if (const auto own = pending.jobs.find(job.key); own != pending.jobs.end()) return own->second;
  const auto of_group = pending.groups.find(job);
  if (JobQueue::IsSingle(job) || of_group == pending.groups.end()) return std::nullopt;
  PendingView view = of_group->second;
  view.since_ms = std::max(view.since_ms, QueuedMs(job, *this));
  return view;
}

std::string PauseText(const RunRecord& run) {
  return "run was paused" + (run.paused_by.empty() ? "" : " by " + run.paused_by) +
         (run.pause_reason.empty() ? "" : ": " + run.pause_reason);
}

int64_t QueuedMs(const JobRecord& job, const State& state) {
  int64_t since_ms = job.created_ms;
  for (const std::string& name : job.parents) {
    if (const JobRecord* parent = state.FindJob({job.key.run, name}))
      since_ms = std::max(since_ms, parent->ended_ms);
  }
  return since_ms;
}

const RunRecord* State::FindRun(const std::string& id) const {
  auto it = image_.runs.find(id);
  if (it == image_.runs.end() && RecallRun(id)) it = image_.runs.find(id);
  return it == image_.runs.end() ? nullptr : &it->second;
}

// The rows of a run that is in memory are all there, so that only those of another are recalled.
bool State::BringIn(const std::string& run) const {
  return past_ != nullptr && !image_.runs.contains(run) && RecallRun(run);
}

const JobRecord* State::FindJob(const JobKey& key) const {
  auto it = image_.jobs.find(key);
  if (it == image_.jobs.end() && BringIn(key.run)) it = image_.jobs.find(key);
  return it == image_.jobs.end() ? nullptr : &it->second;
}

const AttemptRecord* State::FindAttempt(const AttemptKey& key) const {
  auto it = image_.attempts.find(key);
  if (it == image_.attempts.end() && BringIn(key.run)) it = image_.attempts.find(key);
  return it == image_.attempts.end() ? nullptr : &it->second;
}

const ArtifactRecord* State::FindArtifact(const std::string& id) const {
  auto it = image_.artifacts.find(id);
  if (it == image_.artifacts.end() && RecallArtifact(id)) it = image_.artifacts.find(id);
  return it == image_.artifacts.end() ? nullptr : &it->second;
}

const std::set<CheckpointOrder>& State::CheckpointsOf(const JobKey& job) const {
  (void)BringIn(job.run);
  return indices_.CheckpointsOf(job);
}

const Indices::ByTime& State::MadeBy(const std::string& run) const {
  (void)BringIn(run);
  return indices_.MadeBy(run);
}

std::vector<const JobRecord*> State::JobsOf(const std::string& run) const {
  (void)BringIn(run);
  std::vector<const JobRecord*> jobs;
  // Jobs are sorted by (run, name) in the image, so those of a run are neighbours; their order in
  // the graph is `position`.
  for (auto it = image_.jobs.lower_bound({run, ""});
       it != image_.jobs.end() && it->first.run == run; ++it) {
    jobs.push_back(&it->second);
  }
  std::sort(jobs.begin(), jobs.end(),
            [](const auto* a, const auto* b) { return a->position < b->position; });
  return jobs;
}

std::vector<const AttemptRecord*> State::AttemptsOf(const JobKey& job) const {
  (void)BringIn(job.run);
  std::vector<const AttemptRecord*> attempts_of;
  for (auto it = image_.attempts.lower_bound({job.run, job.job, 0});
       it != image_.attempts.end() && it->first.Job() == job; ++it) {
    attempts_of.push_back(&it->second);
  }
  return attempts_of;
}

std::string State::BootOf(const std::string& worker) const {
  const auto live = workers.find(worker);
  if (live != workers.end() && !live->second.hello.boot_id.empty())
    return live->second.hello.boot_id;
  const auto record = image_.workers.find(worker);
  return record == image_.workers.end() ? "" : record->second.boot_id;
}

bool State::RankIsGone(const AttemptRecord& attempt, int64_t rank) const {
  const auto index = static_cast<size_t>(rank);
  const auto live = attempts.find(attempt.key);
  if (live != attempts.end() && live->second.ended_ranks.contains(rank)) return true;
  if (BootOf(attempt.workers[index]) != attempt.boots[index]) return !MayBeDelivered(attempt, rank);
  const auto worker = workers.find(attempt.workers[index]);
  if (worker == workers.end()) return false;
  if (worker->second.link == scheduler::Link::kLost) return true;
  return live != attempts.end() &&
         IsMissing(worker->second, live->second.stop_version, attempt.key, rank);
}

bool State::MayBeDelivered(const AttemptRecord& attempt, int64_t rank) const {
  // Who cancels a job does not wait for what it has done.
  if (attempt.state == AttemptState::kStopping &&
      attempt.stop_reason == catalog::StopReason::kCancel)
    return false;
  const auto found = workers.find(attempt.workers[static_cast<size_t>(rank)]);
  if (found == workers.end()) return false;
  const LiveWorker& worker = found->second;
  if (worker.link == scheduler::Link::kLost) return false;
  // A coordinator that has just started does not know yet what the worker delivers.
  if (!worker.contacted) return true;
  const RankKey key{attempt.key, rank};
  return worker.delivering.contains(key) && !worker.undelivered.contains(key);
}

bool State::RankIsMissing(const AttemptRecord& attempt, int64_t rank) const {
  const auto live = attempts.find(attempt.key);
  const auto worker = workers.find(attempt.workers[static_cast<size_t>(rank)]);
  return live != attempts.end() && worker != workers.end() &&
         !live->second.ended_ranks.contains(rank) &&
         IsMissing(worker->second, live->second.assigned_version, attempt.key, rank);
}

bool State::AllRanksGone(const AttemptRecord& attempt) const {
  for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
    if (!RankIsGone(attempt, static_cast<int64_t>(rank))) return false;
  }
  return true;
}

}  // namespace braid::coordinator
