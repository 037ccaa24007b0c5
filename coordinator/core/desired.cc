#include "coordinator/core/desired.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/attempts.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/run_summary.h"
#include "coordinator/core/spans.h"
#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

// Made once for an attempt and then kept, although the run goes on: a changed summary would change
// the DesiredState and push it again with every step.
std::shared_ptr<const RunSummary> SummaryFor(const Assignment& assignment, State& state) {
  if (!task::ReadsRun(assignment.kind)) return nullptr;
  std::shared_ptr<const RunSummary>& summary = state.attempts[assignment.key].run_summary;
  if (summary == nullptr)
    summary = std::make_shared<const RunSummary>(RunSummaryOf(assignment.key.run, state));
  return summary;
}

// What may change in the assignment of a live attempt.
struct Order {
  bool stop = false;
  int64_t stop_timeout_ms = 0;
  bool across_hosts = false;
};

Order OrderOf(const AttemptRecord& attempt, const State& state, const Options& options) {
  Order order;
  order.across_hosts = attempt.workers.size() > 1 && IsAcrossHosts(attempt, state);
  order.stop = attempt.state == AttemptState::kStopping;
  if (order.stop) order.stop_timeout_ms = StopTimeoutMs(attempt.stop_reason, options);
  return order;
}

void Give(const Order& order, Assignment* assignment) {
  assignment->stop = order.stop;
  assignment->stop_timeout_ms = order.stop_timeout_ms;
  assignment->across_hosts = order.across_hosts;
}

// A rank that a worker should run.
struct Wanted {
  const AttemptRecord* attempt = nullptr;
  int64_t rank = 0;
  Order order;

  bool IsFor(const Assignment& assignment) const {
    return rank == assignment.key.rank && attempt->key == assignment.key.attempt();
  }
  bool Says(const Assignment& assignment) const {
    return IsFor(assignment) && order.stop == assignment.stop &&
           order.stop_timeout_ms == assignment.stop_timeout_ms &&
           order.across_hosts == assignment.across_hosts;
  }
};

// The assignment of a rank. `known` is the one that the worker was sent before, or null: only the
// order may have changed since, and the rest is copied.
Assignment AssignmentOf(const Wanted& wanted, const Assignment* known, const State& state,
                        const Options& options) {
  const AttemptRecord& attempt = *wanted.attempt;
  if (known != nullptr) {
    Assignment assignment = *known;
    Give(wanted.order, &assignment);
    return assignment;
  }
  const JobRecord& job = *state.FindJob(attempt.key.Job());
  Assignment assignment{job};
  assignment.key = {attempt.key, wanted.rank};
  assignment.checkpoint = attempt.checkpoint;
  const RunRecord& run = *state.FindRun(job.key.run);
  assignment.recipe_sha256 = run.recipe_sha256;
  assignment.traceparent = Traceparent(SpanOfAttempt(attempt.key, run, options.sampler));
  Give(wanted.order, &assignment);
  return assignment;
}

// The ranks that a worker should run, in order.
std::vector<Wanted> WantedOf(const std::string& id, const State& state, const Options& options) {
  std::vector<Wanted> ranks;
  const std::string boot = state.BootOf(id);
  for (const AttemptKey& key : state.LiveOn(id)) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    const auto live = state.attempts.find(key);
    for (size_t i = 0; i < attempt.workers.size(); ++i) {
      const auto rank = static_cast<int64_t>(i);
      // The rank died with an earlier boot of this worker. Sending it would start it a second time
      // under the same epoch.
      if (attempt.workers[i] != id || boot != attempt.boots[i]) continue;
      if (live != state.attempts.end() && live->second.ended_ranks.contains(rank)) continue;
      ranks.push_back({&attempt, rank, OrderOf(attempt, state, options)});
    }
  }
  return ranks;
}

// The assignments of these ranks. Both lists are in the same order, so that what the worker was
// sent before is found in passing.
std::vector<Assignment> AssignmentsOf(const std::vector<Wanted>& ranks, const Desired* before,
                                      const State& state, const Options& options) {
  std::vector<Assignment> assignments;
  assignments.reserve(ranks.size());
  size_t at = 0;
  for (const Wanted& wanted : ranks) {
    const RankKey key{wanted.attempt->key, wanted.rank};
    while (before != nullptr && at < before->ranks.size() && before->ranks[at].key < key) ++at;
    const bool known = before != nullptr && at < before->ranks.size() &&
                       wanted.IsFor(before->ranks[at]);
    assignments.push_back(
        AssignmentOf(wanted, known ? &before->ranks[at] : nullptr, state, options));
  }
  return assignments;
}

// Whether the worker was told just this.
bool IsTold(const std::vector<Wanted>& ranks, const LiveWorker& worker) {
  const Desired* told = worker.desired.get();
  return told != nullptr &&
         std::equal(ranks.begin(), ranks.end(), told->ranks.begin(), told->ranks.end(),
                    [](const Wanted& wanted, const Assignment& one) { return wanted.Says(one); }) &&
         told->refused_gpus == worker.refused_gpus && told->peers == worker.peers &&
         told->released == worker.released;
}

// Notes for each rank which set was the first that has it. Also when nothing is pushed: StopAttempt
// clears the noted versions when the reason of a stop changes, and the set that is already pushed
// may say exactly that stop. A noted version may already have been acted on, so the attempt is
// looked at again.
void NoteVersions(const Desired& desired, State& state) {
  for (const Assignment& assignment : desired.ranks) {
    LiveAttempt& live = state.attempts[assignment.key];
    bool noted = live.assigned_version.try_emplace(assignment.key.rank, desired.version).second;
    if (assignment.stop)
      noted |= live.stop_version.try_emplace(assignment.key.rank, desired.version).second;
    if (noted) state.changes.attempts.insert(assignment.key);
  }
}

// Tells the worker what it should run, if that is something else than before.
void TellDesired(const std::string& id, LiveWorker& worker, State& state, const Options& options,
                 std::vector<Push>* pushes) {
  const std::vector<Wanted> ranks = WantedOf(id, state, options);
  if (!IsTold(ranks, worker)) {
    auto desired = std::make_shared<Desired>();
    desired->version = ++state.version;
    desired->ranks = AssignmentsOf(ranks, worker.desired.get(), state, options);
    desired->refused_gpus = worker.refused_gpus;
    desired->peers = worker.peers;
    desired->released = worker.released;
    for (const Assignment& assignment : desired->ranks) {
      if (auto summary = SummaryFor(assignment, state))
        desired->run_summaries[assignment.key] = std::move(summary);
    }
    worker.desired = desired;
    pushes->push_back({worker.session, desired});
  }
  NoteVersions(*worker.desired, state);
}

}  // namespace

std::vector<Push> DesiredChanges(State& state, const Options& options) {
  NamePeers(state);
  const std::set<std::string> changed = std::exchange(state.changes.desired, {});
  std::vector<Push> pushes;
  // Attempts on workers without a session are left for their next hello.
  if (std::exchange(state.changes.all_desired, false) || !options.only_changes) {
    for (auto& [id, worker] : state.workers) {
      if (worker.session != nullptr) TellDesired(id, worker, state, options, &pushes);
    }
    return pushes;
  }
  for (const std::string& id : changed) {
    const auto worker = state.workers.find(id);
    if (worker != state.workers.end() && worker->second.session != nullptr)
      TellDesired(id, worker->second, state, options, &pushes);
  }
  return pushes;
}

}  // namespace braid::coordinator
