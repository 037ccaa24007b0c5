#include "storage/catalog/update.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "base/utf8.h"

namespace braid::catalog {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return lower;
}

EventRecord OfJob(std::string kind, const JobKey& job, int64_t epoch, std::string detail) {
  EventRecord event;
  event.kind = std::move(kind);
  event.run = job.run;
  event.job = job.job;
  event.epoch = epoch;
  event.detail = std::move(detail);
  return event;
}

EventRecord OfRun(std::string kind, const std::string& run, std::string detail) {
  return OfJob(std::move(kind), {run, ""}, 0, std::move(detail));
}

EventRecord OfWorker(std::string kind, const std::string& worker, std::string detail) {
  EventRecord event;
  event.kind = std::move(kind);
  event.worker = worker;
  event.detail = std::move(detail);
  return event;
}

// The event that tells people of an update; nullopt for what happens all the time or concerns
// nobody. There is no case for "all others": a new kind of update does not compile before somebody
// has decided.
struct EventMaker {
  using Event = std::optional<EventRecord>;
  Event operator()(const RunCreated& u) const {
    return OfRun(
        "run.created", u.run.id,
        u.run.retry_of.empty() ? u.run.name : u.run.name + ", a retry of " + u.run.retry_of);
  }
  Event operator()(const RunCancelRequested& u) const {
    return OfRun("run.cancel_requested", u.run, "");
  }
  Event operator()(const RunPaused& u) const {
    const std::string by = u.by.empty() ? "" : "by " + u.by;
    return OfRun("run.paused", u.run, by + (by.empty() || u.reason.empty() ? "" : ": ") + u.reason);
  }
  Event operator()(const RunResumed& u) const {
    return OfRun("run.resumed", u.run, u.by.empty() ? "" : "by " + u.by);
  }
  Event operator()(const RunTagged& u) const { return OfRun("run.tagged", u.run, u.detail); }
  Event operator()(const RunEnded& u) const {
    return OfRun("run." + Lower(Name(u.state)), u.run, u.error);
  }
  Event operator()(const JobCreated& u) const {
    const bool adopted = !u.job.adopted_from.empty();
    return OfJob(adopted ? "job.adopted" : "job.created", u.job.key, 0,
                 adopted ? "outputs of " + u.job.adopted_from : Lower(Name(u.job.state)));
  }
  Event operator()(const JobQueued& u) const {
    return OfJob("job.queued", u.job, 0, "all parents have succeeded");
  }
  Event operator()(const JobRequeued& u) const {
    return OfJob("job.requeued", u.attempt.Job(), u.attempt.epoch,
                 u.not_before_ms > 0 ? "not before " + FormatUtc(u.not_before_ms) : "at once");
  }
  Event operator()(const JobCancelling& u) const { return OfJob("job.cancelling", u.job, 0, ""); }
  Event operator()(const JobEnded& u) const {
    // The failure of a trial is no failure of its run, and nobody is alerted.
    const bool trial = u.left_behind && u.state == JobState::kFailed;
    return OfJob(trial ? "job.left_behind" : "job." + Lower(Name(u.state)), u.job, u.epoch,
                 u.error);
  }
  Event operator()(const AttemptGranted& u) const {
    const AttemptRecord& a = u.attempt;
    std::string detail = "to " + Join(a.workers, ", ");
    if (!a.checkpoint.empty())
      detail += ", from the checkpoint of step " + std::to_string(a.resumed_step);
    EventRecord event = OfJob("attempt.granted", a.key.Job(), a.key.epoch, detail);
    // The event has room for one worker; that of rank 0 stands for the gang.
    event.worker = a.workers.empty() ? "" : a.workers[0];
    return event;
  }
  Event operator()(const AttemptStarted& u) const {
    return OfJob("attempt.started", u.attempt.Job(), u.attempt.epoch, "");
  }
  Event operator()(const AttemptStopping& u) const {
    return OfJob("attempt.stopping", u.attempt.Job(), u.attempt.epoch,
                 NameOf(u.reason) + (u.failure.error.empty() ? "" : ": " + u.failure.error));
  }
  Event operator()(const AttemptEnded& u) const {
    std::string detail = u.failure.category;
    if (!u.failure.error.empty()) detail += (detail.empty() ? "" : ": ") + u.failure.error;
    return OfJob("attempt." + Lower(Name(u.state)), u.attempt.Job(), u.attempt.epoch, detail);
  }
  Event operator()(const CheckpointCommitted& u) const {
    return OfJob("checkpoint.committed", u.attempt.Job(), u.attempt.epoch,
                 "step " + std::to_string(u.step) + ", " + u.artifact.substr(0, 12));
  }
  Event operator()(const ArtifactCommitted& u) const {
    const ArtifactRecord& a = u.artifact;
    EventRecord event = OfJob(
        "artifact.committed", a.made_by.Job(), a.made_by.epoch,
        a.kind + " " + a.id.substr(0, 12) + ", " + FormatBytes(static_cast<uint64_t>(a.bytes)));
    event.worker = a.worker;
    return event;
  }
  Event operator()(const WorkerRegistered& u) const {
    return OfWorker("worker.registered", u.worker.id,
                    "boot " + std::string(CutUtf8(u.worker.boot_id, 8)) + ", " +
                        std::to_string(u.worker.cpu_slots) + " CPU slots, " +
                        std::to_string(u.worker.gpus.size()) + " GPUs, site " + u.worker.site);
  }
  Event operator()(const WorkerAdmitted& u) const {
    return OfWorker("worker." + Lower(Name(u.admit)), u.worker, "");
  }
  Event operator()(const WorkerHealthChanged& u) const {
    if (u.event.empty()) return std::nullopt;
    return OfWorker("worker." + u.event, u.worker, u.detail);
  }
  Event operator()(const WorkerSeen&) const { return std::nullopt; }
  Event operator()(const WorkerLinkChanged& u) const {
    return OfWorker("worker." + u.link, u.worker, u.detail);
  }
  Event operator()(const WorkerForgotten& u) const {
    return OfWorker("worker.left", u.worker, u.why);
  }
  Event operator()(const PoolReported& u) const {
    return OfWorker("pool." + u.what, "", "pool " + u.pool + ": " + u.detail);
  }
  Event operator()(const ServerReported& u) const {
    return OfWorker("server." + u.what, "", u.detail);
  }
  Event operator()(const CredentialChanged& u) const {
    if (u.event.empty()) return std::nullopt;
    const bool worker = u.credential.role == Role::kWorker;
    return OfWorker(u.event, worker ? u.credential.name : "", u.detail);
  }
  Event operator()(const TrafficCounted&) const { return std::nullopt; }
  Event operator()(const RequestRemembered&) const { return std::nullopt; }
  Event operator()(const RequestsForgotten&) const { return std::nullopt; }
  Event operator()(const AuditWritten&) const { return std::nullopt; }
  Event operator()(const AuditForgotten&) const { return std::nullopt; }

  Event operator()(const ArtifactPinned& u) const {
    return OfRun(u.pinned ? "artifact.pinned" : "artifact.unpinned", "", u.artifact.substr(0, 12));
  }
  Event operator()(const ArtifactRemoved& u) const {
    return OfRun("artifact.removed", "", u.artifact.substr(0, 12) + ", " + u.why);
  }
  Event operator()(const RunDeleted& u) const { return OfRun("run.deleted", u.run, u.name); }
  Event operator()(const EventsCompacted& u) const {
    return OfRun("events.compacted", "",
                 "events up to " + std::to_string(u.through_seq) + " were removed");
  }
};

// The end of the rows of a run in a map whose keys begin with it.
template <typename Map>
auto EndOf(Map& rows, const std::string& run) {
  auto it = rows.lower_bound({run});
  while (it != rows.end() && it->first.run == run) ++it;
  return it;
}

// Changes the image as write.cc changes the tables. Neither checks anything: rules.h was asked
// before. That the two agree is a test of random histories in catalog_test.cc.
struct Applier {
  Image& image;

  static void EndPause(RunRecord& run) {
    run.paused_ms = 0;
    run.paused_by.clear();
    run.pause_reason.clear();
  }

  void operator()(const RunCreated& u) { image.runs[u.run.id] = u.run; }
  void operator()(const RunCancelRequested& u) { image.runs.at(u.run).cancel_requested = true; }
  void operator()(const RunPaused& u) {
    RunRecord& run = image.runs.at(u.run);
    run.paused_ms = u.paused_ms;
    run.paused_by = u.by;
    run.pause_reason = u.reason;
  }
  void operator()(const RunResumed& u) {
    RunRecord& run = image.runs.at(u.run);
    run.paused_before_ms = u.paused_before_ms;
    EndPause(run);
  }
  void operator()(const RunTagged& u) { image.runs.at(u.run).tags = u.tags; }
  void operator()(const RunEnded& u) {
    RunRecord& run = image.runs.at(u.run);
    run.state = u.state;
    run.error = u.error;
    run.ended_ms = u.ended_ms;
    EndPause(run);
  }
  void operator()(const JobCreated& u) { image.jobs[u.job.key] = u.job; }
  void operator()(const JobQueued& u) {
    JobRecord& job = image.jobs.at(u.job);
    job.state = JobState::kQueued;
    job.inputs = u.inputs;
  }
  void operator()(const JobRequeued& u) {
    JobRecord& job = image.jobs.at(u.attempt.Job());
    job.state = JobState::kQueued;
    job.counters = u.counters;
    job.not_before_ms = u.not_before_ms;
  }
  void operator()(const JobCancelling& u) { image.jobs.at(u.job).state = JobState::kCancelling; }
  void operator()(const JobEnded& u) {
    JobRecord& job = image.jobs.at(u.job);
    job.state = u.state;
    job.outputs = u.outputs;
    job.summary = u.summary;
    job.error = u.error;
    job.hint = u.hint;
    job.counters = u.counters;
    job.ended_ms = u.ended_ms;
    job.left_behind = u.left_behind;
  }
  void operator()(const AttemptGranted& u) {
    JobRecord& job = image.jobs.at(u.attempt.key.Job());
    job.state = JobState::kActive;
    job.epoch = u.attempt.key.epoch;
    // The wait is over; a later requeue sets a new one.
    job.not_before_ms = 0;
    image.attempts[u.attempt.key] = u.attempt;
  }
  void operator()(const AttemptStarted& u) {
    AttemptRecord& attempt = image.attempts.at(u.attempt);
    attempt.state = AttemptState::kRunning;
    attempt.started_ms = u.started_ms;
  }
  void operator()(const AttemptStopping& u) {
    AttemptRecord& attempt = image.attempts.at(u.attempt);
    attempt.state = AttemptState::kStopping;
    attempt.stop_reason = u.reason;
    attempt.failure = u.failure;
  }
  void operator()(const AttemptEnded& u) {
    AttemptRecord& attempt = image.attempts.at(u.attempt);
    attempt.state = u.state;
    attempt.failure = u.failure;
    attempt.ended_ms = u.ended_ms;
  }
  void operator()(const CheckpointCommitted& u) {
    JobRecord& job = image.jobs.at(u.attempt.Job());
    job.checkpoint = u.artifact;
    job.checkpoint_step = u.step;
    job.counters.losses_in_row = 0;
  }
  void operator()(const ArtifactCommitted& u) {
    // The same content may be committed by several attempts; the first one remains its maker, as in
    // SQL, unless it was removed meanwhile.
    const auto [it, added] = image.artifacts.try_emplace(u.artifact.id, u.artifact);
    ArtifactRecord& there = it->second;
    if (added || there.removed_ms == 0) return;
    there.made_by = u.artifact.made_by;
    there.role = u.artifact.role;
    there.worker = u.artifact.worker;
    there.name = u.artifact.name;
    there.user = u.artifact.user;
    there.site = u.artifact.site;
    there.bound = u.artifact.bound;
    there.created_ms = u.artifact.created_ms;
    there.removed_ms = 0;
    there.removed_why.clear();
  }
  void operator()(const ArtifactPinned& u) { image.artifacts.at(u.artifact).pinned = u.pinned; }
  void operator()(const ArtifactRemoved& u) {
    ArtifactRecord& artifact = image.artifacts.at(u.artifact);
    artifact.removed_ms = u.removed_ms;
    artifact.removed_why = u.why;
  }
  void operator()(const RunDeleted& u) {
    // Keys begin with the run, so the rows of one are neighbours.
    image.attempts.erase(image.attempts.lower_bound({u.run}), EndOf(image.attempts, u.run));
    image.jobs.erase(image.jobs.lower_bound({u.run}), EndOf(image.jobs, u.run));
    image.runs.erase(u.run);
  }
  void operator()(const EventsCompacted& u) { image.compacted_seq = u.through_seq; }
  void operator()(const WorkerRegistered& u) { image.workers[u.worker.id] = u.worker; }
  void operator()(const WorkerAdmitted& u) { image.workers.at(u.worker).admit = u.admit; }
  void operator()(const WorkerHealthChanged& u) { image.workers.at(u.worker).health = u.health; }
  void operator()(const WorkerSeen& u) { image.workers.at(u.worker).last_seen_ms = u.last_seen_ms; }
  void operator()(const WorkerLinkChanged&) {}
  void operator()(const WorkerForgotten& u) { image.workers.erase(u.worker); }
  void operator()(const PoolReported&) {}
  void operator()(const ServerReported&) {}
  void operator()(const CredentialChanged& u) { image.credentials.Put(u.credential); }
  void operator()(const TrafficCounted& u) {
    TrafficRecord& counted = image.traffic[u.more.key];
    counted.key = u.more.key;
    counted.bytes += u.more.bytes;
  }
  void operator()(const AuditWritten&) {}
  void operator()(const AuditForgotten&) {}
  void operator()(const RequestRemembered& u) {
    image.requests[{u.request.method, u.request.id}] = u.request;
  }
  void operator()(const RequestsForgotten& u) {
    std::erase_if(image.requests,
                  [&](const auto& entry) { return entry.second.time_ms < u.before_ms; });
  }
};

// By the shape of the update: a new kind of update needs no line here.
struct RunFinder {
  template <class U>
  const std::string* operator()(const U& u) const {
    if constexpr (requires { u.run.id; }) {
      return &u.run.id;
    } else if constexpr (requires { u.run.empty(); }) {
      return &u.run;
    } else if constexpr (requires { u.job.key.run; }) {
      return &u.job.key.run;
    } else if constexpr (requires { u.job.run; }) {
      return &u.job.run;
    } else if constexpr (requires { u.attempt.key.run; }) {
      return &u.attempt.key.run;
    } else if constexpr (requires { u.attempt.run; }) {
      return &u.attempt.run;
    } else if constexpr (requires { u.artifact.made_by.run; }) {
      return &u.artifact.made_by.run;
    } else {
      return nullptr;
    }
  }
};

}  // namespace

std::optional<EventRecord> EventOf(const Update& update) {
  return std::visit(EventMaker{}, update);
}

const std::string* RunOf(const Update& update) {
  const std::string* run = std::visit(RunFinder{}, update);
  return run == nullptr || run->empty() ? nullptr : run;
}

void Apply(const Update& update, Image& image) {
  std::visit(Applier{image}, update);
  // Keeps the image's count equal to the catalog's, which numbers events while it writes them.
  if (EventOf(update).has_value()) ++image.last_seq;
}

}  // namespace braid::catalog
