#include "coordinator/core/pass.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/text.h"
#include "coordinator/core/disks.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/run_summary.h"
#include "scheduler/critical_path.h"
#include "scheduler/schedule.h"
#include "task/failure.h"
#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

using catalog::WorkerAdmit;
using scheduler::Link;

// Floating-point operations that are added to each job's estimate. A job without an estimate costs
// a little then, so that a longer chain of such jobs still comes before a shorter one.
constexpr double kMinCost = 1e6;

scheduler::WorkerView ViewOf(const catalog::WorkerRecord& record, const State& state) {
  scheduler::WorkerView view;
  view.id = record.id;
  view.site = record.site;
  // Ranks of one host talk over its loopback interface. Two containers may have the same host name
  // and no common loopback, so the network namespace belongs to the identity.
  view.host = record.host + " " + record.network;
  view.cpu_slots = record.cpu_slots;
  view.gpus = static_cast<int64_t>(record.gpus.size());
  view.kinds = record.kinds;
  const auto live = state.workers.find(record.id);
  if (live != state.workers.end()) {
    view.connected = live->second.link == Link::kReady;
    view.admits = record.admit == WorkerAdmit::kOpen && !live->second.draining;
    view.cached = live->second.cached;
    view.disk_full = FullDiskText(record.id, state);
    view.address = live->second.advertised.address;
    view.tried = TriedBy(record.id, state);
  }
  return view;
}

// The workers, and what each user holds of them.
void FillUsage(const State& state, scheduler::Snapshot* snapshot) {
  std::vector<scheduler::WorkerView>& views = snapshot->workers;
  std::map<std::string, size_t> index;
  for (const auto& [id, record] : state.image().workers) {
    index[id] = views.size();
    views.push_back(ViewOf(record, state));
  }
  // Usage follows from the live leases, never from a counter of its own.
  for (const AttemptKey& key : state.live()) {
    const JobRecord* job = state.FindJob(key.Job());
    const RunRecord* run = state.FindRun(key.run);
    const AttemptRecord* attempt = state.FindAttempt(key);
    if (job == nullptr || run == nullptr || attempt == nullptr) continue;
    scheduler::SlotAmounts& held = snapshot->held[run->user];
    for (const std::string& worker : attempt->workers) {
      held.Of(job->device) += job->slots;
      const auto at = index.find(worker);
      if (at == index.end()) continue;
      scheduler::WorkerView& view = views[at->second];
      view.Used(job->device) += job->slots;
    }
  }
}

// For each job of the run the cost of the longest chain from it to the end of the run, which orders
// jobs of one run: those on the critical path go first.
std::map<std::string, double> CostsOf(const std::string& run, const State& state) {
  const auto jobs = state.JobsOf(run);
  std::map<std::string, size_t> index;
  std::vector<scheduler::PathNode> nodes;
  for (const JobRecord* job : jobs) {
    scheduler::PathNode node;
    node.cost = kMinCost + job->flops / static_cast<double>(job->ranks * job->slots);
    node.done = Ended(job->state);
    for (const std::string& parent : job->parents) {
      const auto at = index.find(parent);
      if (at != index.end()) node.parents.push_back(at->second);
    }
    index[job->key.job] = nodes.size();
    nodes.push_back(std::move(node));
  }
  const std::vector<double> costs = scheduler::CostToEnd(nodes);
  std::map<std::string, double> by_name;
  for (size_t i = 0; i < jobs.size(); ++i) by_name[jobs[i]->key.job] = costs[i];
  return by_name;
}

// The beginning of an error for one line of a list. A cut within a UTF-8 character would garble the
// terminal.
std::string Shortened(const std::string& text) {
  constexpr size_t kMaxBytes = 200;
  if (text.size() <= kMaxBytes) return text;
  size_t end = kMaxBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not within a character
  return text.substr(0, end) + "...";
}

scheduler::JobView ViewOf(const JobRecord& job, double cost, const State& state) {
  scheduler::JobView view;
  view.name = job.key.ToString();
  static_cast<task::Requirements&>(view) = job;
  view.not_before_ms = job.not_before_ms;
  view.path_cost = cost;
  view.run = job.key.run;
  view.position = job.position;
  if (const RunRecord* run = state.FindRun(job.key.run)) {
    view.submitted_wall_ms = run->created_ms;
    view.priority = run->priority;
    view.user = run->user;
  }
  for (const auto& [role, id] : job.inputs) view.inputs.push_back(id);
  if (!job.checkpoint.empty()) view.inputs.push_back(job.checkpoint);
  for (const AttemptRecord* attempt : state.AttemptsOf(job.key)) {
    // Workers to exclude: where the job ended with category "system", and machines that cannot run
    // it (without a driver, for example), on which it would fail every time. After the failure of a
    // gang nobody knows which machine was at fault, so none is excluded.
    const catalog::Failure& failure = attempt->failure;
    const bool machine = IsNameOf(failure.category, task::FailureCategory::kInfra) &&
                         failure.deterministic && attempt->workers.size() == 1;
    if (IsNameOf(failure.category, task::FailureCategory::kSystem) || machine) {
      view.excluded.insert(attempt->workers.begin(), attempt->workers.end());
    }
    const bool failed = attempt->state == AttemptState::kFailed ||
                        attempt->state == AttemptState::kLost;
    // The newest attempt decides, because the loop runs from the oldest to the newest.
    view.avoid = failed && attempt->workers.size() == 1 ? attempt->workers[0] : "";
    view.last_failure = attempt->failure.error.empty()
                            ? ""
                            : Shortened(attempt->failure.error) + " (on " +
                                  Join(attempt->workers, ", ") + ")";
  }
  return view;
}

void Grant(const JobKey& key, const std::vector<std::string>& workers, Transaction& tx) {
  const JobRecord& job = *tx.state().FindJob(key);
  AttemptRecord attempt;
  attempt.key = {key.run, key.job, job.epoch + 1};
  attempt.workers = workers;
  for (const std::string& worker : workers)
    attempt.boots.push_back(tx.state().image().workers.at(worker).boot_id);
  attempt.checkpoint = job.checkpoint;
  attempt.resumed_step = job.checkpoint_step;
  attempt.granted_ms = tx.wall_ms();
  tx.Add(catalog::AttemptGranted{attempt});
  tx.attempt(attempt.key) = LiveAttempt();
  tx.attempt(attempt.key).moved_ms = tx.now_ms();
}

void Wait(const JobKey& key, scheduler::Reason reason, const std::string& detail, Transaction& tx) {
  PendingView& pending = tx.pending()[key];
  if (pending.reason != reason) pending.since_ms = tx.wall_ms();
  pending.reason = reason;
  pending.detail = detail;
}

// A job whose grant throws must not keep the others from theirs: its updates are taken back alone,
// and it waits with the fault as its reason.
void GrantOrSayWhyNot(const JobKey& key, const std::vector<std::string>& workers, Transaction& tx) {
  const Transaction::Mark before = tx.Here();
  try {
    Grant(key, workers, tx);
    tx.pending().erase(key);
  } catch (const std::exception& error) {
    tx.TakeBack(before);
    Wait(key, scheduler::Reason::kUnschedulable,
         std::string("a fault of braid keeps it from being granted: ") + error.what(), tx);
  }
}

// An aborted attempt has nothing to save (one of its ranks failed), so its other ranks are killed
// at once.
int64_t StopTimeoutMs(const AttemptRecord& attempt, const Options& options) {
  if (attempt.stop_reason == catalog::StopReason::kDrain) return options.drain_deadline_ms;
  return attempt.stop_reason == catalog::StopReason::kCancel ? options.cancel_deadline_ms : 0;
}

// Made once for an attempt and then kept, although the run goes on: a changed summary would change
// the DesiredState and push it again with every step.
std::shared_ptr<const RunSummary> SummaryFor(const Assignment& assignment, State& state) {
  if (!task::ReadsRun(assignment.kind)) return nullptr;
  std::shared_ptr<const RunSummary>& summary = state.attempts[assignment.key].run_summary;
  if (summary == nullptr)
    summary = std::make_shared<const RunSummary>(RunSummaryOf(assignment.key.run, state));
  return summary;
}

Assignment AssignmentOf(const AttemptRecord& attempt, int64_t rank, const State& state,
                        const Options& options) {
  const JobRecord& job = *state.FindJob(attempt.key.Job());
  Assignment assignment{job};
  assignment.key = {attempt.key, rank};
  assignment.checkpoint = attempt.checkpoint;
  assignment.recipe_sha256 = state.FindRun(job.key.run)->recipe_sha256;
  assignment.across_hosts = attempt.workers.size() > 1 && IsAcrossHosts(attempt, state);
  if (attempt.state == AttemptState::kStopping) {
    assignment.stop = true;
    assignment.stop_timeout_ms = StopTimeoutMs(attempt, options);
  }
  return assignment;
}

}  // namespace

bool Recovering(const State& state, const Options& options, int64_t now_ms) {
  if (now_ms - state.started_ms >= options.lease.recovery_ms) return false;
  for (const auto& [id, record] : state.image().workers) {
    const auto live = state.workers.find(id);
    if ((live == state.workers.end() || !live->second.contacted) && state.HoldsLeases(id))
      return true;
  }
  return false;
}

void SchedulePass(Transaction& tx) {
  const State& state = tx.state();
  std::erase_if(tx.pending(),
                [&](const auto& entry) { return !state.queued().contains(entry.first); });
  if (state.queued().empty()) return;

  scheduler::Snapshot snapshot;
  snapshot.now_wall_ms = tx.wall_ms();
  FillUsage(state, &snapshot);
  // After the start, workers come back one after another. Until they had time to, the reason of a
  // waiting job is the recovery, and not that no worker fits.
  snapshot.recovering = tx.now_ms() - state.started_ms < tx.options().lease.ttl_ms &&
                        !state.image().workers.empty();
  std::vector<JobKey> keys;
  std::map<std::string, std::map<std::string, double>> costs;
  for (const JobKey& key : state.queued()) {
    if (!costs.contains(key.run)) costs[key.run] = CostsOf(key.run, state);
    snapshot.jobs.push_back(ViewOf(*state.FindJob(key), costs[key.run][key.job], state));
    keys.push_back(key);
  }
  const scheduler::Plan plan = scheduler::Schedule(snapshot);
  for (const scheduler::Grant& grant : plan.grants) {
    std::vector<std::string> workers;
    for (const size_t w : grant.workers) workers.push_back(snapshot.workers[w].id);
    GrantOrSayWhyNot(keys[grant.job], workers, tx);
  }
  for (const scheduler::Waiting& waiting : plan.waiting)
    Wait(keys[waiting.job], waiting.reason, waiting.detail, tx);
}

std::vector<Push> DesiredChanges(State& state, const Options& options) {
  NamePeers(state);
  std::map<std::string, std::vector<Assignment>> wanted;
  for (const AttemptKey& key : state.live()) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
      const std::string& id = attempt.workers[rank];
      const auto worker = state.workers.find(id);
      // Attempts on workers without a session are left for their next hello.
      if (worker == state.workers.end() || worker->second.session == nullptr) continue;
      // The rank died with an earlier boot of this worker. Sending it would start it a second time
      // under the same epoch.
      if (state.BootOf(id) != attempt.boots[rank]) continue;
      const LiveAttempt& live = state.attempts[key];
      if (live.ended_ranks.contains(static_cast<int64_t>(rank))) continue;
      wanted[id].push_back(AssignmentOf(attempt, static_cast<int64_t>(rank), state, options));
    }
  }
  std::vector<Push> pushes;
  for (auto& [id, worker] : state.workers) {
    if (worker.session == nullptr) continue;
    std::vector<Assignment>& ranks = wanted[id];
    const bool unchanged = worker.desired != nullptr && worker.desired->ranks == ranks &&
                           worker.desired->refused_gpus == worker.refused_gpus &&
                           worker.desired->peers == worker.peers;
    if (!unchanged) {
      auto desired = std::make_shared<Desired>();
      desired->version = ++state.version;
      desired->ranks = std::move(ranks);
      desired->refused_gpus = worker.refused_gpus;
      desired->peers = worker.peers;
      for (const Assignment& assignment : desired->ranks) {
        if (auto summary = SummaryFor(assignment, state))
          desired->run_summaries[assignment.key] = std::move(summary);
      }
      worker.desired = desired;
      pushes.push_back({worker.session, desired});
    }
    // Also when nothing is pushed: StopAttempt clears the noted versions when the reason of a stop
    // changes, and the set that is already pushed may say exactly that stop.
    for (const Assignment& assignment : worker.desired->ranks) {
      LiveAttempt& live = state.attempts[assignment.key];
      live.assigned_version.try_emplace(assignment.key.rank, worker.desired->version);
      if (assignment.stop)
        live.stop_version.try_emplace(assignment.key.rank, worker.desired->version);
    }
  }
  return pushes;
}

}  // namespace braid::coordinator
