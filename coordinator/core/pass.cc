#include "coordinator/core/pass.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/text.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/disks.h"
#include "coordinator/core/health.h"
#include "coordinator/core/neighbours.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/preemptions.h"
#include "scheduler/lease.h"
#include "scheduler/placement.h"
#include "scheduler/preempt.h"
#include "scheduler/schedule.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

using catalog::WorkerAdmit;
using scheduler::Link;

// After a pass over all jobs that took so long, the loop does other things for so many times that.
constexpr int64_t kPause = 2;
// The pause before jobs are tried again whose grant failed because of a fault.
constexpr int64_t kFaultPauseMs = 200;

scheduler::WorkerView ViewOf(const catalog::WorkerRecord& record, const State& state) {
  scheduler::WorkerView view;
  view.id = record.id;
  view.site = record.site;
  // Ranks of one host talk over its loopback interface. Two containers may have the same host name
  // and no common loopback, so the network namespace belongs to the identity.
  view.host = record.host + " " + record.network;
  view.cpu_slots = record.cpu_slots;
  view.gpus = static_cast<int64_t>(record.gpus.size());
  view.memory_bytes = record.memory_bytes;
  view.kinds = record.kinds;
  view.ephemeral = record.ephemeral;
  const auto live = state.workers.find(record.id);
  if (live != state.workers.end()) {
    view.connected = live->second.link == Link::kReady;
    view.disconnected = live->second.link == Link::kDisconnected;
    view.admits = record.admit == WorkerAdmit::kOpen && !live->second.draining;
    view.cached = live->second.cached;
    view.kept = live->second.kept;
    view.disk_full = FullDiskText(record.id, state);
    view.quarantine = QuarantineOf(record, state);
    view.address = live->second.advertised.address;
    view.serves_files = ServesFiles(live->second);
    view.reads_bound = ReadsBound(live->second);
    view.tried = TriedBy(record.id, state);
  }
  return view;
}

// The workers, and what each user holds of them.
void FillUsage(const State& state, scheduler::Snapshot* snapshot) {
  snapshot->workers.reserve(state.image().workers.size());
  for (const auto& [id, record] : state.image().workers) {
    scheduler::WorkerView view = ViewOf(record, state);
    const scheduler::SlotAmounts held = state.indices().HeldOf(id);
    view.cpu_used = held.cpu_slots;
    view.gpus_used = held.gpus;
    view.memory_used = held.memory_bytes;
    snapshot->workers.push_back(std::move(view));
  }
  snapshot->held = state.indices().held_by();
}

// The beginning of an error for one line of a list. A cut within a UTF-8 character would garble the
// terminal.
std::string Shortened(const std::string& text) {
  // The text is a part of the reason why a job waits, which is shown on one line.
  constexpr size_t kMaxBytes = 200;
  if (text.size() <= kMaxBytes) return text;
  size_t end = kMaxBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not within a character
  return text.substr(0, end) + "...";
}

// The keepers of each run at each site, which its jobs share.
using KnownKeepers = std::map<std::pair<std::string, std::string>, scheduler::Keepers>;

scheduler::JobView ViewOf(const JobRecord& job, double cost, const State& state,
                          KnownKeepers* known) {
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
    view.preempts = run->preempts;
    view.user = run->user;
  }
  for (const auto& [role, id] : job.inputs) view.inputs.push_back(id);
  if (!job.checkpoint.empty()) view.inputs.push_back(job.checkpoint);
  if (job.binding != task::Binding::kNothing) {
    view.bound = BoundAmong(view.inputs, state);
  }
  if (task::MakesBound(job.binding)) {
    const auto [keepers, is_new] = known->try_emplace({job.key.run, job.site});
    if (is_new) keepers->second = KeepersOf(job.key.run, job.site, state);
    view.keepers = keepers->second;
  }
  if (job.epoch == 0) return view;  // it has no attempts
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
    view.last_failure = !failed || attempt->failure.error.empty()
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

void Wait(scheduler::Reason reason, const std::string& detail, int64_t wall_ms, PendingView* view) {
  if (view->reason != reason) view->since_ms = wall_ms;
  view->reason = reason;
  view->detail = detail;
}

// A job that waits because of a fault of braid.
void SayFault(const JobKey& key, const std::exception& error, Transaction& tx) {
  Pending& pending = tx.pending();
  const JobRecord& job = *tx.state().FindJob(key);
  if (!JobQueue::IsSingle(job) && !pending.jobs.contains(key)) ++pending.own_reasons[job];
  Wait(scheduler::Reason::kUnschedulable, std::string(kNotGranted) + error.what(), tx.wall_ms(),
       &pending.jobs[key]);
}

// A job whose grant throws must not keep the others from theirs: its updates are taken back alone,
// and it waits with the fault as its reason. False if that happened.
bool GrantOrSayWhyNot(const JobKey& key, const std::vector<std::string>& workers, Transaction& tx) {
  const Transaction::Mark before = tx.Here();
  try {
    Grant(key, workers, tx);
    tx.pending().jobs.erase(key);
    return true;
  } catch (const std::exception& error) {
    tx.TakeBack(before);
    SayFault(key, error, tx);
    return false;
  }
}

// The same of an attempt that is to stop for the job.
bool StopOrSayWhyNot(const JobKey& key, const AttemptKey& attempt, Transaction& tx) {
  const Transaction::Mark before = tx.Here();
  try {
    StopFor(key, attempt, tx);
    return true;
  } catch (const std::exception& error) {
    tx.TakeBack(before);
    SayFault(key, error, tx);
    return false;
  }
}

// Whether something has changed that a pass depends on, and none is put off.
bool IsDue(const Transaction& tx, bool recovering) {
  if (!tx.options().only_changes) return true;
  const LastPass& last = tx.state().last_pass;
  const bool again = tx.wall_ms() < last.same_backoffs.from_ms ||
                     tx.wall_ms() >= last.same_backoffs.until_ms;
  const bool overdue = last.overdue_ms > 0 && last.overdue_ms <= tx.now_ms();
  return (tx.state().changes.scheduling || again || overdue || recovering != last.recovering) &&
         tx.now_ms() >= last.next_ms;
}

// The jobs that may be granted slots now, and one more of each line, which says why the rest waits.
// Of jobs that demand the same, those that come later in their line are not granted anything before
// the earlier ones are, and nothing is stopped for them before.
std::vector<JobKey> JobsToOffer(const scheduler::Snapshot& snapshot, const State& state,
                                const Options& options) {
  const scheduler::PreemptibleSlots preemptible(snapshot.running);
  const JobQueue& queue = state.queued();
  std::vector<JobKey> keys(queue.singles().begin(), queue.singles().end());
  for (const auto& [demands, group] : queue.groups()) {
    scheduler::JobView view;
    static_cast<task::Requirements&>(view) = demands;
    const int64_t grants = options.only_changes ? scheduler::MostGrants(snapshot.workers, view)
                                                : static_cast<int64_t>(group.jobs);
    // A job of several slots may have workers kept for it, so whose comes first matters even if
    // none can be placed. Of others, one says why all wait.
    const bool one_for_all = !task::NeedsMuchAtOnce(demands);
    bool said = false;
    for (const auto& [owner, line] : group.lines) {
      const int64_t most = grants + preemptible.MostJobs(demands, owner.priority);
      if (one_for_all && most == 0 && std::exchange(said, true)) continue;
      int64_t left = most + 1;
      for (auto it = line.begin(); it != line.end() && left > 0; ++it, --left)
        keys.push_back({it->run, it->job});
    }
  }
  return keys;
}

// When the job's backoff begins or ends. As in scheduler::Schedule, it lasts no longer than the
// longest possible one.
void NoteBackoff(const JobRecord& job, int64_t wall_ms, LastPass::WallTimes* same) {
  if (job.not_before_ms == 0) return;
  for (const int64_t edge_ms : {job.not_before_ms - scheduler::kMaxBackoffMs, job.not_before_ms}) {
    if (edge_ms <= wall_ms)
      same->from_ms = std::max(same->from_ms, edge_ms);
    else
      same->until_ms = std::min(same->until_ms, edge_ms);
  }
}

// The reasons of waiting jobs, for people and for the next pass.
void Remember(const std::vector<JobKey>& keys, const scheduler::Plan& plan, Transaction& tx) {
  const State& state = tx.state();
  Pending& pending = tx.pending();
  std::set<JobKey> preempting;
  for (const scheduler::Waiting& waiting : plan.waiting) {
    if (waiting.reason == scheduler::Reason::kPreempting) preempting.insert(keys[waiting.job]);
  }
  std::erase_if(pending.jobs, [&](const auto& entry) {
    return !state.queued().singles().contains(entry.first) && !preempting.contains(entry.first);
  });
  pending.own_reasons.clear();
  std::map<task::Requirements, PendingView, JobQueue::Less> groups;
  bool wide_job_waits = false;
  LastPass& last = tx.last_pass();
  last.same_backoffs = {};
  for (const scheduler::Waiting& waiting : plan.waiting) {
    const JobRecord& job = *state.FindJob(keys[waiting.job]);
    wide_job_waits |= task::NeedsMuchAtOnce(job);
    NoteBackoff(job, tx.wall_ms(), &last.same_backoffs);
    if (JobQueue::IsSingle(job) || waiting.reason == scheduler::Reason::kPreempting) {
      if (!JobQueue::IsSingle(job)) ++pending.own_reasons[job];
      Wait(waiting.reason, waiting.detail, tx.wall_ms(), &pending.jobs[job.key]);
    } else if (!groups.contains(job)) {
      PendingView& view = groups[job];
      if (const auto before = pending.groups.find(job); before != pending.groups.end())
        view = before->second;
      Wait(waiting.reason, waiting.detail, tx.wall_ms(), &view);
    }
  }
  pending.groups = std::move(groups);
  // Grants change the shares of the users, and with them whose wide job comes first and has workers
  // kept for it.
  tx.changes().scheduling |= wide_job_waits && !plan.grants.empty();
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
  // After the start, workers come back one after another. Until they had time to, the reason of a
  // waiting job is the recovery, and not that no worker fits.
  const bool recovering = tx.now_ms() - state.started_ms < tx.options().lease.ttl_ms &&
                          !state.image().workers.empty();
  if (!IsDue(tx, recovering)) return;
  const int64_t begin_ms = tx.options().clock->MonotonicMs();
  // Before the grants: what they change is for the next pass.
  tx.changes().scheduling = false;
  tx.last_pass().recovering = recovering;
  if (state.queued().empty()) {
    tx.pending() = {};
    tx.last_pass().same_backoffs = {};
    tx.last_pass().overdue_ms = 0;
    return;
  }
  scheduler::Snapshot snapshot;
  snapshot.now_wall_ms = tx.wall_ms();
  snapshot.recovering = recovering;
  FillUsage(state, &snapshot);
  RunningAttempts running = RunningOf(snapshot.workers, tx);
  tx.last_pass().overdue_ms = running.overdue_ms;
  snapshot.running = std::move(running.views);
  const std::vector<JobKey> keys = JobsToOffer(snapshot, state, tx.options());
  snapshot.jobs.reserve(keys.size());
  KnownKeepers keepers;
  for (const JobKey& key : keys) {
    const double cost = state.queued().costs().at(key);
    snapshot.jobs.push_back(ViewOf(*state.FindJob(key), cost, state, &keepers));
  }
  std::vector<std::string> ids;
  for (const scheduler::WorkerView& worker : snapshot.workers) ids.push_back(worker.id);
  const scheduler::Plan plan = scheduler::Schedule(std::move(snapshot));
  Remember(keys, plan, tx);
  bool fault = false;
  for (const scheduler::Grant& grant : plan.grants) {
    std::vector<std::string> workers;
    for (const size_t w : grant.workers) workers.push_back(ids[w]);
    fault |= !GrantOrSayWhyNot(keys[grant.job], workers, tx);
  }
  for (const scheduler::Stop& stop : plan.stops)
    fault |= !StopOrSayWhyNot(keys[stop.job], running.keys[stop.running], tx);
  const int64_t end_ms = tx.options().clock->MonotonicMs();
  tx.last_pass().next_ms = end_ms + kPause * (end_ms - begin_ms);
  if (!fault) return;
  tx.changes().scheduling = true;
  tx.last_pass().next_ms = std::max(tx.last_pass().next_ms, end_ms + kFaultPauseMs);
}

}  // namespace braid::coordinator
