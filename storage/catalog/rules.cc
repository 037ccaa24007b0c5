#include "storage/catalog/rules.h"

#include <cmath>

namespace braid::catalog {
namespace {

Status Stale(const std::string& what) {
  return Status(StatusCode::kAborted, ErrorReason::kStaleLease,
                what + ": the row is not there or not in the expected state");
}
Status Exists(const std::string& what) {
  return FailedPrecondition(what + ": it exists already");
}

template <typename Map>
const typename Map::mapped_type* Find(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

struct Checker {
  const Image& image;

  const JobRecord* Job(const JobKey& key) const { return Find(image.jobs, key); }
  // The job, provided that this attempt is its newest one; otherwise null, as a late message of an
  // earlier attempt must not change the job.
  const JobRecord* JobOf(const AttemptKey& key) const {
    const JobRecord* job = Job(key.Job());
    return job != nullptr && job->epoch == key.epoch ? job : nullptr;
  }
  bool Active(const std::string& id) const {
    const RunRecord* run = Find(image.runs, id);
    return run != nullptr && !Ended(run->state);
  }
  Status Live(const AttemptKey& key, const std::string& what) const {
    const AttemptRecord* attempt = Find(image.attempts, key);
    return attempt != nullptr && !Ended(attempt->state) ? OkStatus() : Stale(what + key.ToString());
  }

  Status operator()(const RunCreated& u) const {
    return image.runs.contains(u.run.id) ? Exists("creating run " + u.run.id) : OkStatus();
  }
  Status operator()(const RunCancelRequested& u) const {
    return Active(u.run) ? OkStatus() : Stale("cancelling run " + u.run);
  }
  Status operator()(const RunPaused& u) const {
    const bool runs = Active(u.run) && image.runs.at(u.run).paused_ms == 0 && u.paused_ms > 0;
    return runs ? OkStatus() : Stale("pausing run " + u.run);
  }
  Status operator()(const RunResumed& u) const {
    const bool paused = Active(u.run) && image.runs.at(u.run).paused_ms > 0;
    return paused ? OkStatus() : Stale("resuming run " + u.run);
  }
  Status operator()(const RunTagged& u) const {
    return image.runs.contains(u.run) ? OkStatus() : Stale("tagging run " + u.run);
  }
  Status operator()(const RunEnded& u) const {
    return Active(u.run) ? OkStatus() : Stale("ending run " + u.run);
  }

  Status operator()(const JobCreated& u) const {
    const std::string what = "creating job " + u.job.key.ToString();
    if (image.jobs.contains(u.job.key)) return Exists(what);
    if (!image.runs.contains(u.job.key.run))
      return FailedPrecondition(what + ": there is no such run");
    if (u.job.ranks < 1 || u.job.slots < 1)
      return FailedPrecondition(what + ": it needs at least one rank of one slot");
    if (u.job.memory_bytes < 0) return FailedPrecondition(what + ": it needs no negative memory");
    // SQLite stores NaN as NULL, which the column refuses.
    if (std::isnan(u.job.flops)) return FailedPrecondition(what + ": its cost is not a number");
    return OkStatus();
  }
  Status operator()(const JobQueued& u) const {
    const JobRecord* job = Job(u.job);
    return job != nullptr && job->state == JobState::kBlocked
               ? OkStatus()
               : Stale("queueing job " + u.job.ToString());
  }
  Status operator()(const JobRequeued& u) const {
    const JobRecord* job = JobOf(u.attempt);
    return job != nullptr && job->state == JobState::kActive
               ? OkStatus()
               : Stale("queueing job again after " + u.attempt.ToString());
  }
  Status operator()(const JobCancelling& u) const {
    const JobRecord* job = Job(u.job);
    return job != nullptr && job->state == JobState::kActive
               ? OkStatus()
               : Stale("cancelling job " + u.job.ToString());
  }
  Status operator()(const JobEnded& u) const {
    const JobRecord* job = Job(u.job);
    return job != nullptr && job->epoch == u.epoch && !Ended(job->state)
               ? OkStatus()
               : Stale("ending job " + u.job.ToString());
  }

  Status operator()(const AttemptGranted& u) const {
    const AttemptKey& key = u.attempt.key;
    const JobRecord* job = Job(key.Job());
    const bool free = job != nullptr && job->state == JobState::kQueued &&
                      job->epoch == key.epoch - 1;
    if (!free) return Stale("granting " + key.ToString());
    if (image.attempts.contains(key)) return Exists("granting " + key.ToString());
    // At most one attempt of a job lives; an earlier one must have ended.
    const AttemptRecord* before = Find(image.attempts, {key.run, key.job, key.epoch - 1});
    return before == nullptr || Ended(before->state)
               ? OkStatus()
               : Exists("granting " + key.ToString() + " beside a live attempt");
  }
  Status operator()(const AttemptStarted& u) const {
    const AttemptRecord* attempt = Find(image.attempts, u.attempt);
    return attempt != nullptr && attempt->state == AttemptState::kOffered
               ? OkStatus()
               : Stale("starting " + u.attempt.ToString());
  }
  // A stopping attempt may be given a better failure, hence "live" and not "running".
  Status operator()(const AttemptStopping& u) const { return Live(u.attempt, "stopping "); }
  Status operator()(const AttemptEnded& u) const { return Live(u.attempt, "ending "); }
  Status operator()(const CheckpointCommitted& u) const {
    const JobRecord* job = JobOf(u.attempt);
    const bool runs = job != nullptr &&
                      (job->state == JobState::kActive || job->state == JobState::kCancelling);
    return runs ? OkStatus() : Stale("committing the checkpoint of " + u.attempt.ToString());
  }
  // An artifact that exists is equal content, so committing it again is fine.
  Status operator()(const ArtifactCommitted&) const { return OkStatus(); }

  Status operator()(const WorkerRegistered&) const { return OkStatus(); }
  Status operator()(const WorkerAdmitted& u) const {
    return image.workers.contains(u.worker) ? OkStatus() : Stale("admitting worker " + u.worker);
  }
  Status operator()(const WorkerHealthChanged& u) const {
    return image.workers.contains(u.worker) ? OkStatus() : Stale("the health of " + u.worker);
  }
  Status operator()(const WorkerSeen& u) const {
    return image.workers.contains(u.worker) ? OkStatus() : Stale("worker " + u.worker);
  }
  Status operator()(const WorkerLinkChanged&) const { return OkStatus(); }
  Status operator()(const WorkerForgotten& u) const {
    const auto worker = image.workers.find(u.worker);
    return worker != image.workers.end() && worker->second.ephemeral
               ? OkStatus()
               : Stale("forgetting worker " + u.worker);
  }
  Status operator()(const PoolReported&) const { return OkStatus(); }
  Status operator()(const ServerReported&) const { return OkStatus(); }

  // No two credentials have the same digest, since the digest identifies the caller.
  Status operator()(const CredentialChanged& u) const {
    const CredentialRecord* same = image.credentials.WithDigest(u.credential.sha256);
    return same == nullptr || same->id == u.credential.id ? OkStatus()
                                                          : Exists("credential " + u.credential.id);
  }
  Status operator()(const RequestRemembered& u) const {
    const bool known = image.requests.contains({u.request.method, u.request.id});
    return known ? Exists("remembering request " + u.request.id) : OkStatus();
  }
  Status operator()(const TrafficCounted& u) const {
    return u.more.bytes > 0 ? OkStatus() : FailedPrecondition("counting no bytes of a site");
  }
  Status operator()(const RequestsForgotten&) const { return OkStatus(); }
  Status operator()(const AuditWritten&) const { return OkStatus(); }
  Status operator()(const AuditForgotten&) const { return OkStatus(); }

  Status operator()(const ArtifactPinned& u) const {
    const ArtifactRecord* artifact = Find(image.artifacts, u.artifact);
    return artifact != nullptr && (artifact->removed_ms == 0 || !u.pinned)
               ? OkStatus()
               : Stale("pinning artifact " + u.artifact);
  }
  Status operator()(const ArtifactRemoved& u) const {
    const ArtifactRecord* artifact = Find(image.artifacts, u.artifact);
    return artifact != nullptr && artifact->removed_ms == 0 && !artifact->pinned && u.removed_ms > 0
               ? OkStatus()
               : Stale("removing artifact " + u.artifact);
  }
  Status operator()(const RunDeleted& u) const {
    const RunRecord* run = Find(image.runs, u.run);
    return run != nullptr && Ended(run->state) ? OkStatus() : Stale("deleting run " + u.run);
  }
  Status operator()(const EventsCompacted& u) const {
    return u.through_seq > image.compacted_seq && u.through_seq <= image.last_seq
               ? OkStatus()
               : Stale("removing events up to " + std::to_string(u.through_seq));
  }
};

}  // namespace

Status Check(const Update& update, const Image& image) {
  return std::visit(Checker{image}, update);
}

}  // namespace braid::catalog
