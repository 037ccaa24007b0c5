#include "coordinator/services/convert.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "coordinator/core/health.h"
#include "coordinator/core/rungs.h"
#include "coordinator/sessions/model_card.h"
#include "rpc/convert.h"
#include "rpc/tls/certificates.h"

namespace braid::coordinator {
namespace {

// Connections are not in the catalog: to people, an attempt is disconnected while one of its
// workers is.
v1::AttemptState StateOf(const AttemptRecord& attempt, const State& state) {
  if (Ended(attempt.state)) return static_cast<v1::AttemptState>(attempt.state);
  for (const std::string& id : attempt.workers) {
    const auto worker = state.workers.find(id);
    if (worker == state.workers.end() || worker->second.link != scheduler::Link::kReady)
      return v1::ATTEMPT_DISCONNECTED;
  }
  return static_cast<v1::AttemptState>(attempt.state);
}

void FillAttempt(const AttemptRecord& attempt, const State& state, Detail detail,
                 v1::Attempt* message) {
  message->set_epoch(attempt.key.epoch);
  message->set_state(StateOf(attempt, state));
  for (const std::string& worker : attempt.workers) message->add_workers(worker);
  message->set_granted_ms(attempt.granted_ms);
  message->set_started_ms(attempt.started_ms);
  message->set_ended_ms(attempt.ended_ms);
  message->set_category(attempt.failure.category);
  message->set_error(attempt.failure.error);
  message->set_hint(attempt.failure.hint);
  message->set_resumed_step(attempt.resumed_step);
  message->set_reason(attempt.failure.reason);
  if (detail == Detail::kFull) message->set_log_tail(attempt.failure.log_tail);
}

// Of a job that has its own inputs.
std::string ComparisonText(const JobRecord& job, const Rungs& rungs) {
  constexpr size_t kShown = 3;
  std::vector<std::string> others = rungs.UnendedBefore(job);
  const size_t count = others.size();
  if (count > kShown) others.resize(kShown);
  return Format("waits to be compared at rung %lld", (long long)job.rung.number - 1) +
         (count == 0 ? "" : ", where " + Join(others, ", ")) +
         (count > kShown ? Format(" and %zu more", count - kShown) : "") +
         (count == 0   ? ""
          : count == 1 ? " has not ended"
                       : " have not ended");
}

// Reasons are in no row. That of a blocked job follows from its parents, that of a queued one is
// what the last pass found.
void FillPending(const JobRecord& job, const State& state, RungsOfRuns& rungs, v1::Job* message) {
  if (job.state == JobState::kBlocked) {
    std::string missing;
    for (const std::string& name : job.parents) {
      const JobRecord* parent = state.FindJob({job.key.run, name});
      if (parent != nullptr && !Ended(parent->state))
        missing += (missing.empty() ? "" : ", ") + name;
    }
    message->set_pending(v1::WAITING_PARENTS);
    const bool compared = missing.empty() && job.rung.number > 1;
    message->set_pending_detail(compared ? ComparisonText(job, rungs.Of(job.key.run, state))
                                         : "waits for " + missing);
    message->set_pending_since_ms(job.created_ms);
    return;
  }
  const std::optional<PendingView> pending = state.PendingOf(job);
  if (!pending.has_value()) return;
  message->set_pending(static_cast<v1::PendingReason>(pending->reason));
  message->set_pending_detail(pending->detail);
  message->set_pending_since_ms(pending->since_ms);
}

// Results that count no more (of an earlier boot of the peer, say) are left out.
void FillReach(const std::string& id, const LiveWorker& worker, const State& state,
               v1::Worker* message) {
  if (worker.session == nullptr) return;
  message->set_address(worker.advertised.address);
  message->set_interface(worker.advertised.interface);
  for (const auto& [peer, why] : TriedBy(id, state)) {
    v1::Reach* reach = message->add_reach();
    const PeerReach& said = worker.reach.at(peer);
    reach->set_worker(peer);
    reach->set_boot_id(said.boot_id);
    reach->set_asked(said.asked);
    reach->set_reached(said.reached);
    reach->set_why(why);
  }
}

void Fill(const RefusedGpu& gpu, v1::RefusedGpu* message) {
  message->set_id(gpu.gpu.id);
  message->set_worker(gpu.owner);
  message->set_reason(gpu.reason);
}

// The record is not looked at for a quarantine whose time is over.
void FillHealth(const catalog::WorkerRecord& worker, const State& state, v1::Worker* message) {
  for (const catalog::WorkerFailure& failure : worker.health.failures) {
    v1::WorkerFailure* one = message->add_failures();
    one->set_job(failure.job);
    one->set_time_ms(failure.time_ms);
    one->set_error(failure.error);
  }
  message->set_quarantine(QuarantineOf(worker, state));
  if (!message->quarantine().empty())
    message->set_quarantine_until_ms(worker.health.quarantine_until_ms);
}

void Fill(const Peer& peer, v1::Peer* message) {
  message->set_worker(peer.worker);
  message->set_boot_id(peer.boot_id);
  message->set_address(peer.address);
  message->set_probe_port(static_cast<int32_t>(peer.probe_port));
  message->set_probe_key(peer.probe_key);
  message->set_asked(peer.asked);
}

}  // namespace

const Rungs& RungsOfRuns::Of(const std::string& run, const State& state) {
  const auto [known, is_new] = rungs_.try_emplace(run);
  if (is_new) known->second = std::make_unique<Rungs>(state.JobsOf(run));
  return *known->second;
}

v1::Job JobMessage(const JobRecord& job, const State& state, Detail detail) {
  RungsOfRuns rungs;
  return JobMessage(job, state, detail, rungs);
}

v1::Job JobMessage(const JobRecord& job, const State& state, Detail detail, RungsOfRuns& rungs) {
  v1::Job message;
  message.set_run_id(job.key.run);
  message.set_name(job.key.job);
  message.set_state(static_cast<v1::JobState>(job.state));
  for (const std::string& parent : job.parents) message.add_parents(parent);
  rpc::FillRequirements(job, &message);
  FillPending(job, state, rungs, &message);
  message.set_not_before_ms(job.not_before_ms);
  for (const AttemptRecord* attempt : state.AttemptsOf(job.key))
    FillAttempt(*attempt, state, detail, message.add_attempts());
  message.set_user_failures(static_cast<int32_t>(job.counters.user_failures));
  message.set_infra_losses(static_cast<int32_t>(job.counters.infra_losses));
  message.set_preemptions(static_cast<int32_t>(job.counters.preemptions));
  // Of all its attempts only the newest can be live.
  const auto live = state.attempts.find({job.key.run, job.key.job, job.epoch});
  if (live != state.attempts.end() && live->second.progress.time_ms > 0) {
    rpc::Fill(live->second.progress, message.mutable_progress());
  }
  message.mutable_inputs()->insert(job.inputs.begin(), job.inputs.end());
  message.mutable_outputs()->insert(job.outputs.begin(), job.outputs.end());
  message.set_checkpoint(job.checkpoint);
  message.set_checkpoint_step(job.checkpoint_step);
  if (detail == Detail::kFull) message.set_spec_json(job.spec);
  message.set_summary_json(job.summary);
  message.set_error(job.error);
  message.set_hint(job.hint);
  message.set_left_behind(job.left_behind);
  message.set_created_ms(job.created_ms);
  message.set_ended_ms(job.ended_ms);
  message.set_adopted_from(job.adopted_from);
  return message;
}

v1::Run RunMessage(const RunRecord& run, const State& state, Detail detail) {
  v1::Run message;
  message.set_id(run.id);
  message.set_name(run.name);
  message.set_state(static_cast<v1::RunState>(run.state));
  if (detail == Detail::kFull) message.set_recipe(run.recipe);
  message.set_recipe_sha256(run.recipe_sha256);
  message.set_created_ms(run.created_ms);
  message.set_ended_ms(run.ended_ms);
  message.set_retry_of(run.retry_of);
  message.set_error(run.error);
  message.set_cancel_requested(run.cancel_requested);
  message.set_priority(static_cast<int32_t>(run.priority));
  message.set_user(run.user);
  message.set_paused_ms(run.paused_ms);
  message.set_paused_by(run.paused_by);
  message.set_pause_reason(run.pause_reason);
  message.set_preempts(run.preempts);
  for (const std::string& tag : run.tags) message.add_tags(tag);
  int succeeded = 0, left_behind = 0;
  RungsOfRuns rungs;
  const auto jobs = state.JobsOf(run.id);
  for (const JobRecord* job : jobs) {
    succeeded += job->state == JobState::kSucceeded ? 1 : 0;
    left_behind += job->left_behind ? 1 : 0;
    *message.add_jobs() = JobMessage(*job, state, detail, rungs);
  }
  message.set_jobs_total(static_cast<int32_t>(jobs.size()) - left_behind);
  message.set_jobs_succeeded(succeeded);
  return message;
}

v1::Artifact ArtifactMessage(const catalog::ArtifactRecord& artifact, Detail detail) {
  v1::Artifact message;
  message.set_id(artifact.id);
  message.set_kind(artifact.kind);
  if (detail == Detail::kFull) message.set_manifest_json(artifact.manifest);
  message.set_bytes(static_cast<uint64_t>(artifact.bytes));
  message.set_files(static_cast<int32_t>(artifact.files));
  message.set_metadata_json(artifact.metadata);
  message.set_run_id(artifact.made_by.run);
  message.set_job(artifact.made_by.job);
  message.set_epoch(artifact.made_by.epoch);
  message.set_role(artifact.role);
  message.set_worker(artifact.worker);
  message.set_created_ms(artifact.created_ms);
  for (const std::string& parent : artifact.parents) message.add_parents(parent);
  message.set_name(artifact.name);
  message.set_pinned(artifact.pinned);
  message.set_removed_ms(artifact.removed_ms);
  message.set_removed_why(artifact.removed_why);
  message.set_user(artifact.user);
  message.set_site(artifact.site);
  message.set_bound(artifact.bound);
  return message;
}

v1::Event EventMessage(const catalog::EventRecord& event) {
  v1::Event message;
  message.set_seq(event.seq);
  message.set_time_ms(event.time_ms);
  message.set_kind(event.kind);
  message.set_run_id(event.run);
  message.set_job(event.job);
  message.set_epoch(event.epoch);
  message.set_worker(event.worker);
  message.set_detail(event.detail);
  return message;
}

v1::Worker WorkerView(const catalog::WorkerRecord& worker, const State& state) {
  v1::Worker message;
  message.set_id(worker.id);
  message.set_boot_id(worker.boot_id);
  message.set_site(worker.site);
  message.mutable_labels()->insert(worker.labels.begin(), worker.labels.end());
  message.set_cpu_slots(static_cast<int32_t>(worker.cpu_slots));
  message.set_memory_bytes(worker.memory_bytes);
  for (const catalog::GpuRecord& gpu : worker.gpus) {
    v1::Gpu* gpu_message = message.add_gpus();
    gpu_message->set_id(gpu.id);
    gpu_message->set_name(gpu.name);
    gpu_message->set_memory_bytes(static_cast<uint64_t>(gpu.memory_bytes));
  }
  message.set_admit(static_cast<v1::WorkerAdmit>(worker.admit));
  message.set_last_seen_ms(worker.last_seen_ms);
  message.set_host(worker.host);
  message.set_version(worker.version);
  FillHealth(worker, state, &message);
  const auto live = state.workers.find(worker.id);
  const auto link = live == state.workers.end() ? scheduler::Link::kOffline : live->second.link;
  message.set_link(static_cast<v1::WorkerLink>(link));
  if (live != state.workers.end()) {
    for (const RefusedGpu& gpu : live->second.refused_gpus) Fill(gpu, message.add_refused_gpus());
    FillReach(worker.id, live->second, state, &message);
  }
  // By the leases, not by what the worker says: a rank holds its slots from the grant on.
  int64_t used = 0;
  for (const AttemptKey& key : state.LiveOn(worker.id)) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
      if (attempt.workers[rank] != worker.id) continue;
      used += state.FindJob(key.Job())->slots;
      rpc::Fill(RankKey{key, static_cast<int64_t>(rank)}, message.add_ranks());
    }
  }
  message.set_slots_used(static_cast<int32_t>(used));
  return message;
}

v1::DesiredState DesiredMessage(const SessionMessage& message, const std::string& coordinator_id,
                                const scheduler::LeaseOptions& lease) {
  const Desired& desired = *message.desired;
  v1::DesiredState state;
  state.set_version(desired.version);
  state.set_unchanged(message.unchanged);
  // The usual answer to a heartbeat: the version alone tells that the coordinator is there.
  if (message.unchanged) return state;
  state.set_coordinator_id(coordinator_id);
  state.set_heartbeat_interval_ms(lease.heartbeat_interval_ms);
  state.set_isolation_timeout_ms(lease.isolation_timeout_ms);
  for (const RefusedGpu& gpu : desired.refused_gpus) Fill(gpu, state.add_refused_gpus());
  if (desired.peers != nullptr) {
    for (const Peer& peer : *desired.peers) Fill(peer, state.add_peers());
  }
  for (const std::string& id : desired.released) state.add_released(id);
  for (const Assignment& assignment : desired.ranks) {
    v1::RankAssignment* rank = state.add_ranks();
    rpc::Fill(assignment, rank);
    const auto summary = desired.run_summaries.find(assignment.key);
    if (summary != desired.run_summaries.end())
      rank->set_spec_json(SpecWithSummary(assignment, *summary->second));
  }
  return state;
}

namespace {

catalog::WorkerRecord WorkerOf(const v1::WorkerHello& hello) {
  catalog::WorkerRecord worker;
  worker.id = hello.worker_id();
  worker.boot_id = hello.boot_id();
  worker.site = hello.site();
  worker.labels = {hello.labels().begin(), hello.labels().end()};
  worker.cpu_slots = hello.cpu_slots();
  worker.memory_bytes = hello.memory_bytes();
  for (const v1::Gpu& gpu : hello.gpus()) {
    worker.gpus.push_back({gpu.id(), gpu.name(), static_cast<int64_t>(gpu.memory_bytes())});
  }
  worker.kinds = {hello.kinds().begin(), hello.kinds().end()};
  worker.host = hello.host();
  worker.version = hello.version();
  worker.instance = hello.instance();
  worker.network = hello.network();
  worker.folder = hello.folder();
  worker.ephemeral = hello.ephemeral();
  return worker;
}

// A certificate that cannot be read, or a clock that cannot be one, gives no digest, and the hello
// is refused by CheckExchange.
Exchange ExchangeOf(const v1::SiteExchange& said) {
  constexpr int64_t kLatestMs = int64_t{1} << 50;
  if (said.clock_ms() < 0 || said.clock_ms() > kLatestMs) return {};
  const Result<rpc::CertificateFacts> facts = rpc::FactsOf(said.certificate());
  return {said.certificate(),
          facts.ok() ? facts->sha256 : "",
          said.port(),
          said.key(),
          SystemClock().MonotonicMs() - said.clock_ms(),
          said.reads_bound()};
}

SignalCommand SignalOf(const v1::WorkerSignal& signal) {
  SignalCommand command;
  for (const v1::RankStatus& status : signal.ranks()) {
    RankReport report{rpc::RankOf(status.id()), std::nullopt};
    if (status.has_progress() && status.progress().time_ms() > 0)
      report.progress = rpc::ProgressOf(status.progress());
    command.ranks.push_back(std::move(report));
  }
  for (const v1::RankId& rank : signal.delivering()) command.delivering.insert(rpc::RankOf(rank));
  // What is absent has not changed since the last heartbeat; an empty list is a list.
  if (signal.has_cached()) {
    command.cached = {signal.cached().ids().begin(), signal.cached().ids().end()};
    command.kept = {signal.cached().bound().begin(), signal.cached().bound().end()};
  }
  command.applied_version = signal.applied_version();
  command.draining = signal.draining();
  command.leaving = signal.leaving();
  if (signal.has_hello() && signal.hello().has_advertised()) {
    const v1::Advertised& said = signal.hello().advertised();
    command.advertised = {said.address(), said.interface(), said.probe_port(), said.probe_key()};
  }
  if (signal.has_hello() && signal.hello().has_exchange())
    command.exchange = ExchangeOf(signal.hello().exchange());
  if (signal.has_reach()) {
    command.reach.emplace();
    for (const v1::Reach& peer : signal.reach().peers())
      (*command.reach)[peer.worker()] = {peer.boot_id(), peer.asked(), peer.reached(), peer.why()};
  }
  if (signal.has_disk_free_bytes()) command.disk_free_bytes = signal.disk_free_bytes();
  return command;
}

}  // namespace

WorkerMessage WorkerMessageOf(const v1::WorkerSignal& signal) {
  WorkerMessage message;
  if (signal.has_hello()) message.hello = WorkerOf(signal.hello());
  message.signal = SignalOf(signal);
  return message;
}

}  // namespace braid::coordinator
