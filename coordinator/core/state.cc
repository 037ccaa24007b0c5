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
  image_ = std::move(image);
  queued_.clear();
  live_.clear();
  gangs_.clear();
  for (const auto& [key, job] : image_.jobs) {
    if (job.state == JobState::kQueued) queued_.insert(key);
    if (job.ranks > 1 && !Ended(job.state)) gangs_.insert(key);
  }
  for (const auto& [key, attempt] : image_.attempts) {
    if (!Ended(attempt.state)) live_.insert(key);
  }
  std::erase_if(attempts, [&](const auto& entry) { return !live_.contains(entry.first); });
  uses_.clear();
  checkpoints_.clear();
  for (const auto& [id, run] : image_.runs) {
    for (const auto& [name, artifact] : run.sources) CountUse(artifact, 1);
  }
  for (const auto& [key, job] : image_.jobs) CountUses(job, 1);
  for (const auto& [id, artifact] : image_.artifacts) {
    if (artifact.removed_ms == 0 && IsProgress(artifact))
      checkpoints_[artifact.made_by.Job()].insert(
          {artifact.made_by.epoch, artifact.created_ms, id});
  }
}

void State::CountUse(const std::string& artifact, int64_t by) {
  if (artifact.empty()) return;
  const auto it = uses_.try_emplace(artifact, 0).first;
  it->second += by;
  if (it->second == 0) uses_.erase(it);
}

void State::CountUses(const JobRecord& job, int64_t by) {
  for (const auto& [role, source] : job.input_sources) CountUse(source.artifact, by);
  for (const auto& [role, artifact] : job.inputs) CountUse(artifact, by);
  for (const auto& [role, artifact] : job.outputs) CountUse(artifact, by);
  CountUse(job.checkpoint, by);
}

void State::Count(const catalog::Update& update, int64_t by) {
  const auto of_job = [&](const JobKey& key) {
    if (const JobRecord* job = FindJob(key)) CountUses(*job, by);
  };
  const auto of_run = [&](const std::string& id) {
    const RunRecord* run = FindRun(id);
    if (run == nullptr) return;
    for (const auto& [name, artifact] : run->sources) CountUse(artifact, by);
  };
  const auto of_artifact = [&](const std::string& id) {
    const ArtifactRecord* artifact = FindArtifact(id);
    if (artifact == nullptr || artifact->removed_ms > 0 || !IsProgress(*artifact)) return;
    const JobKey job = artifact->made_by.Job();
    const Checkpoint checkpoint{artifact->made_by.epoch, artifact->created_ms, id};
    if (by > 0) {
      checkpoints_[job].insert(checkpoint);
    } else if (const auto found = checkpoints_.find(job); found != checkpoints_.end()) {
      found->second.erase(checkpoint);
      if (found->second.empty()) checkpoints_.erase(found);
    }
  };
  if (const auto* run = std::get_if<catalog::RunCreated>(&update)) {
    of_run(run->run.id);
  } else if (const auto* created = std::get_if<catalog::JobCreated>(&update)) {
    of_job(created->job.key);
  } else if (const auto* queued = std::get_if<catalog::JobQueued>(&update)) {
    of_job(queued->job);
  } else if (const auto* ended = std::get_if<catalog::JobEnded>(&update)) {
    of_job(ended->job);
  } else if (const auto* saved = std::get_if<catalog::CheckpointCommitted>(&update)) {
    of_job(saved->attempt.Job());
  } else if (const auto* committed = std::get_if<catalog::ArtifactCommitted>(&update)) {
    of_artifact(committed->artifact.id);
  } else if (const auto* removed = std::get_if<catalog::ArtifactRemoved>(&update)) {
    of_artifact(removed->artifact);
  } else if (const auto* deleted = std::get_if<catalog::RunDeleted>(&update)) {
    of_run(deleted->run);
    for (auto it = image_.jobs.lower_bound({deleted->run, ""});
         it != image_.jobs.end() && it->first.run == deleted->run; ++it)
      CountUses(it->second, by);
  }
}

void State::Apply(const catalog::Update& update) {
  Count(update, -1);
  catalog::Apply(update, image_);
  Count(update, 1);
  if (const auto* created = std::get_if<catalog::JobCreated>(&update)) {
    if (created->job.state == JobState::kQueued) queued_.insert(created->job.key);
    if (created->job.ranks > 1 && !Ended(created->job.state)) gangs_.insert(created->job.key);
  } else if (const auto* queued = std::get_if<catalog::JobQueued>(&update)) {
    queued_.insert(queued->job);
  } else if (const auto* requeued = std::get_if<catalog::JobRequeued>(&update)) {
    queued_.insert(requeued->attempt.Job());
  } else if (const auto* ended = std::get_if<catalog::JobEnded>(&update)) {
    queued_.erase(ended->job);
    gangs_.erase(ended->job);
  } else if (const auto* granted = std::get_if<catalog::AttemptGranted>(&update)) {
    queued_.erase(granted->attempt.key.Job());
    live_.insert(granted->attempt.key);
  } else if (const auto* over = std::get_if<catalog::AttemptEnded>(&update)) {
    live_.erase(over->attempt);
    attempts.erase(over->attempt);
  }
}

// Used after an undo, whose effect on the row is not known from the update.
void State::Index(const JobKey& key) {
  const JobRecord* job = FindJob(key);
  if (job != nullptr && job->state == JobState::kQueued) {
    queued_.insert(key);
  } else {
    queued_.erase(key);
  }
  if (job != nullptr && job->ranks > 1 && !Ended(job->state)) {
    gangs_.insert(key);
  } else {
    gangs_.erase(key);
  }
}

void State::Index(const AttemptKey& key) {
  const AttemptRecord* attempt = FindAttempt(key);
  if (attempt != nullptr && !Ended(attempt->state)) {
    live_.insert(key);
  } else {
    live_.erase(key);
    attempts.erase(key);
  }
}

void State::TakeBack(const catalog::Update& update, const catalog::Undo& undo) {
  Count(update, -1);
  undo(image_);
  Count(update, 1);
  if (const auto* created = std::get_if<catalog::JobCreated>(&update)) {
    Index(created->job.key);
  } else if (const auto* queued = std::get_if<catalog::JobQueued>(&update)) {
    Index(queued->job);
  } else if (const auto* requeued = std::get_if<catalog::JobRequeued>(&update)) {
    Index(requeued->attempt.Job());
  } else if (const auto* ended = std::get_if<catalog::JobEnded>(&update)) {
    Index(ended->job);
  } else if (const auto* granted = std::get_if<catalog::AttemptGranted>(&update)) {
    Index(granted->attempt.key.Job());
    Index(granted->attempt.key);
  } else if (const auto* over = std::get_if<catalog::AttemptEnded>(&update)) {
    Index(over->attempt);
  }
}

const RunRecord* State::FindRun(const std::string& id) const {
  const auto it = image_.runs.find(id);
  return it == image_.runs.end() ? nullptr : &it->second;
}

const JobRecord* State::FindJob(const JobKey& key) const {
  const auto it = image_.jobs.find(key);
  return it == image_.jobs.end() ? nullptr : &it->second;
}

const AttemptRecord* State::FindAttempt(const AttemptKey& key) const {
  const auto it = image_.attempts.find(key);
  return it == image_.attempts.end() ? nullptr : &it->second;
}

const ArtifactRecord* State::FindArtifact(const std::string& id) const {
  const auto it = image_.artifacts.find(id);
  return it == image_.artifacts.end() ? nullptr : &it->second;
}

int64_t State::UsesOf(const std::string& artifact) const {
  const auto it = uses_.find(artifact);
  return it == uses_.end() ? 0 : it->second;
}

const std::set<State::Checkpoint>& State::CheckpointsOf(const JobKey& job) const {
  static const std::set<Checkpoint> none;
  const auto it = checkpoints_.find(job);
  return it == checkpoints_.end() ? none : it->second;
}

bool IsProgress(const catalog::ArtifactRecord& artifact) {
  return artifact.role == "checkpoint" && !artifact.made_by.run.empty();
}

std::vector<const JobRecord*> State::JobsOf(const std::string& run) const {
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
  std::vector<const AttemptRecord*> attempts_of;
  for (auto it = image_.attempts.lower_bound({job.run, job.job, 0});
       it != image_.attempts.end() && it->first.Job() == job; ++it) {
    attempts_of.push_back(&it->second);
  }
  return attempts_of;
}

Result<const RunRecord*> State::ResolveRun(const std::string& text) const {
  if (text.empty())
    return InvalidArgument("a run is named by its id, a prefix of it or its name; none was given");
  if (const RunRecord* exact = FindRun(text)) return exact;
  const RunRecord* by_prefix = nullptr;
  int matches = 0;
  const RunRecord* by_name = nullptr;
  for (const auto& [id, run] : image_.runs) {
    if (id.starts_with(text)) {
      by_prefix = &run;
      ++matches;
    }
    if (run.name == text && (by_name == nullptr || run.created_ms >= by_name->created_ms))
      by_name = &run;
  }
  if (matches == 1) return by_prefix;
  if (by_name != nullptr) return by_name;
  if (matches > 1)
    return InvalidArgument("run " + text + " could be any of " + std::to_string(matches) +
                           ": give more of the id");
  return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                "there is no run " + text + ": `braid list` shows all");
}

Result<const ArtifactRecord*> State::ResolveArtifact(const std::string& text) const {
  if (const ArtifactRecord* exact = FindArtifact(text)) return exact;
  if (text.size() < 8) {
    return InvalidArgument("artifact " + text + ": give the id, or at least 8 digits of it");
  }
  const auto first = image_.artifacts.lower_bound(text);
  if (first == image_.artifacts.end() || !first->first.starts_with(text)) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no artifact " + text + ": `braid artifact list` shows all");
  }
  const auto second = std::next(first);
  if (second != image_.artifacts.end() && second->first.starts_with(text)) {
    return InvalidArgument("artifact " + text + " could be several: give more digits");
  }
  return &first->second;
}

std::string State::BootOf(const std::string& worker) const {
  const auto live = workers.find(worker);
  if (live != workers.end() && !live->second.hello.boot_id.empty())
    return live->second.hello.boot_id;
  const auto record = image_.workers.find(worker);
  return record == image_.workers.end() ? "" : record->second.boot_id;
}

bool State::HoldsLeases(const std::string& worker) const {
  return std::any_of(live_.begin(), live_.end(), [&](const AttemptKey& key) {
    const AttemptRecord* attempt = FindAttempt(key);
    return attempt != nullptr && std::find(attempt->workers.begin(), attempt->workers.end(),
                                           worker) != attempt->workers.end();
  });
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
