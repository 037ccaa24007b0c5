#include "coordinator/core/desired.h"

#include <map>
#include <set>
#include <string>

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

Assignment AssignmentOf(const AttemptRecord& attempt, int64_t rank, const State& state,
                        const Options& options) {
  const JobRecord& job = *state.FindJob(attempt.key.Job());
  Assignment assignment{job};
  assignment.key = {attempt.key, rank};
  assignment.checkpoint = attempt.checkpoint;
  const RunRecord& run = *state.FindRun(job.key.run);
  assignment.recipe_sha256 = run.recipe_sha256;
  assignment.traceparent = Traceparent(SpanOfAttempt(attempt.key, run, options.sampler));
  assignment.across_hosts = attempt.workers.size() > 1 && IsAcrossHosts(attempt, state);
  if (attempt.state == AttemptState::kStopping) {
    assignment.stop = true;
    assignment.stop_timeout_ms = StopTimeoutMs(attempt.stop_reason, options);
  }
  return assignment;
}

// The ranks that a worker should run, in order.
std::vector<Assignment> WantedOf(const std::string& id, const State& state,
                                 const Options& options) {
  std::vector<Assignment> ranks;
  for (const AttemptKey& key : state.LiveOn(id)) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    const auto live = state.attempts.find(key);
    for (size_t i = 0; i < attempt.workers.size(); ++i) {
      const auto rank = static_cast<int64_t>(i);
      // The rank died with an earlier boot of this worker. Sending it would start it a second time
      // under the same epoch.
      if (attempt.workers[i] != id || state.BootOf(id) != attempt.boots[i]) continue;
      if (live != state.attempts.end() && live->second.ended_ranks.contains(rank)) continue;
      ranks.push_back(AssignmentOf(attempt, rank, state, options));
    }
  }
  return ranks;
}

// Tells the worker what it should run, if that is something else than before.
void TellDesired(const std::string& id, LiveWorker& worker, State& state, const Options& options,
                 std::vector<Push>* pushes) {
  std::vector<Assignment> ranks = WantedOf(id, state, options);
  const bool unchanged = worker.desired != nullptr && worker.desired->ranks == ranks &&
                         worker.desired->refused_gpus == worker.refused_gpus &&
                         worker.desired->peers == worker.peers &&
                         worker.desired->released == worker.released;
  if (!unchanged) {
    auto desired = std::make_shared<Desired>();
    desired->version = ++state.version;
    desired->ranks = std::move(ranks);
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
  // Also when nothing is pushed: StopAttempt clears the noted versions when the reason of a stop
  // changes, and the set that is already pushed may say exactly that stop. A noted version may
  // already have been acted on, so the attempt is looked at again.
  for (const Assignment& assignment : worker.desired->ranks) {
    LiveAttempt& live = state.attempts[assignment.key];
    bool noted =
        live.assigned_version.try_emplace(assignment.key.rank, worker.desired->version).second;
    if (assignment.stop)
      noted |= live.stop_version.try_emplace(assignment.key.rank, worker.desired->version).second;
    if (noted) state.changes.attempts.insert(assignment.key);
  }
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
