#include "coordinator/core/preemptions.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "coordinator/core/attempts.h"
#include "coordinator/core/pauses.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

// The highest priority of a queued job; nullopt if there is none.
std::optional<int64_t> HighestQueued(const State& state) {
  std::optional<int64_t> highest;
  const auto note = [&](int64_t priority) {
    if (!highest.has_value() || priority > *highest) highest = priority;
  };
  for (const auto& [demands, group] : state.queued().groups())
    note(group.lines.rbegin()->first.priority);
  for (const JobKey& key : state.queued().singles()) note(state.FindRun(key.run)->priority);
  return highest;
}

// An attempt that should have stopped so long ago is not waited for any more.
constexpr int64_t kOverdueMs = 60'000;

// From when on the attempt, which is being stopped, is not waited for, on the monotonic clock.
int64_t OverdueAtMs(const AttemptRecord& attempt, const State& state, const Options& options) {
  const auto live = state.attempts.find(attempt.key);
  const bool known = live != state.attempts.end() && live->second.stop_ends_ms > 0;
  // It was asked before the coordinator was started.
  const int64_t ends_ms = known ? live->second.stop_ends_ms
                                : state.started_ms + StopTimeoutMs(attempt.stop_reason, options);
  return ends_ms + kOverdueMs;
}

// What the attempt has done since the newest checkpoint of its job, in milliseconds of slots.
int64_t UnsavedOf(const AttemptRecord& attempt, const JobRecord& job, const State& state,
                  int64_t wall_ms) {
  if (attempt.started_ms == 0) return 0;
  int64_t saved_ms = attempt.started_ms;
  const std::set<CheckpointOrder>& checkpoints = state.CheckpointsOf(job.key);
  if (!checkpoints.empty() && checkpoints.rbegin()->epoch == attempt.key.epoch)
    saved_ms = std::max(saved_ms, checkpoints.rbegin()->created_ms);
  return std::max<int64_t>(0, wall_ms - saved_ms) * job.slots * job.ranks;
}

// The index of each rank's worker; empty if one of them is not there.
std::vector<size_t> WorkersOf(const AttemptRecord& attempt,
                              const std::vector<scheduler::WorkerView>& workers) {
  std::vector<size_t> indices;
  for (const std::string& id : attempt.workers) {
    const auto found = std::lower_bound(
        workers.begin(), workers.end(), id,
        [](const scheduler::WorkerView& worker, const std::string& of) { return worker.id < of; });
    if (found == workers.end() || found->id != id) return {};
    indices.push_back(static_cast<size_t>(found - workers.begin()));
  }
  return indices;
}

}  // namespace

RunningAttempts RunningOf(const std::vector<scheduler::WorkerView>& workers,
                          const Transaction& tx) {
  const State& state = tx.state();
  const Options& options = tx.options();
  const int64_t wall_ms = tx.wall_ms();
  const std::optional<int64_t> highest = options.preempt ? HighestQueued(state) : std::nullopt;
  RunningAttempts running;
  if (!highest.has_value()) return running;
  for (const AttemptKey& key : state.live()) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    const JobRecord& job = *state.FindJob(key.Job());
    scheduler::RunningView view;
    view.name = key.Job().ToString();
    view.priority = state.FindRun(key.run)->priority;
    view.stopping = attempt.state == AttemptState::kStopping;
    const bool may_stop = view.priority < *highest && StopsForPause(job.kind, attempt);
    if (!view.stopping && !may_stop) continue;
    if (view.stopping) {
      const int64_t overdue_ms = OverdueAtMs(attempt, state, options);
      if (overdue_ms <= tx.now_ms()) continue;
      running.overdue_ms = running.overdue_ms == 0 ? overdue_ms
                                                   : std::min(running.overdue_ms, overdue_ms);
    }
    view.device = job.device;
    view.slots = job.slots;
    view.memory_bytes = job.memory_bytes;
    view.workers = WorkersOf(attempt, workers);
    if (view.workers.empty()) continue;
    view.stops_until_wall_ms = wall_ms + options.preempt_grace_ms;
    if (view.stopping) {
      const auto live = state.attempts.find(key);
      view.stops_until_wall_ms = live == state.attempts.end() ? 0
                                                              : live->second.stops_until_wall_ms;
    }
    view.preemptions = job.counters.preemptions;
    view.unsaved = UnsavedOf(attempt, job, state, wall_ms);
    view.granted_wall_ms = attempt.granted_ms;
    running.views.push_back(std::move(view));
    running.keys.push_back(key);
  }
  return running;
}

void StopFor(const JobKey& job, const AttemptKey& attempt, Transaction& tx) {
  const int64_t wanted = tx.state().FindRun(job.run)->priority;
  const int64_t own = tx.state().FindRun(attempt.run)->priority;
  StopAttempt(attempt, catalog::StopReason::kPreempt,
              {NameOf(task::FailureCategory::kPreempted),
               "its slots are wanted for " + job.ToString() + " of priority " +
                   std::to_string(wanted) + ", and this run has priority " + std::to_string(own),
               "", false},
              tx);
  FinishIfGone(attempt, tx);
}

}  // namespace braid::coordinator
