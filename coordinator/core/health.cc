#include "coordinator/core/health.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/excerpt.h"
#include "scheduler/health.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

using scheduler::WorkerHealth;

// The row of a worker has a few errors, and a reason or an event one of them.
constexpr size_t kErrorBytes = 300;

// Whether the failure may be the worker's own fault. A full disk has a rule of its own; a worker
// without a plug-in still does well what needs none; and that bound data did not come is the fault
// of the worker that keeps it.
bool Counts(const AttemptRecord& attempt, const catalog::Failure& failure) {
  const auto& workers = attempt.workers;
  const bool alone = std::equal(workers.begin() + 1, workers.end(), workers.begin());
  return alone && scheduler::MayBeTheWorkers(task::FailureCategoryOf(failure.category)) &&
         !IsNameOf(failure.reason, ErrorReason::kStorageFull) &&
         !IsNameOf(failure.reason, ErrorReason::kPluginMissing) &&
         !IsNameOf(failure.reason, ErrorReason::kBoundToSite);
}

// The workers on which the job failed lately in a way that may be theirs. Workers that were lost
// with it are not among them, nor those on which it was stopped: the job did nothing there, or made
// no step.
std::set<std::string> FailedOn(const JobKey& job, const Transaction& tx) {
  std::set<std::string> workers;
  for (const AttemptRecord* attempt : tx.state().AttemptsOf(job)) {
    if (attempt->state == AttemptState::kFailed && Counts(*attempt, attempt->failure) &&
        attempt->stop_reason == catalog::StopReason::kNone &&
        tx.wall_ms() - attempt->ended_ms <= tx.options().health.window_ms)
      workers.insert(attempt->workers.front());
  }
  return workers;
}

// Whether `other` is there and could run whatever `worker` could, but for jobs that need more slots
// or memory.
bool StandsIn(const catalog::WorkerRecord& other, const catalog::WorkerRecord& worker,
              const State& state) {
  const auto live = state.workers.find(other.id);
  if (other.id == worker.id || live == state.workers.end()) return false;
  if (live->second.link != scheduler::Link::kReady || live->second.draining ||
      live->second.quarantined || other.admit != catalog::WorkerAdmit::kOpen)
    return false;
  const bool kinds = other.kinds.empty() || other.kinds == worker.kinds;
  return kinds && other.site == worker.site && (other.cpu_slots > 0 || worker.cpu_slots == 0) &&
         (!other.gpus.empty() || worker.gpus.empty());
}

bool HasStandIn(const catalog::WorkerRecord& worker, const State& state) {
  const auto& workers = state.image().workers;
  return std::any_of(workers.begin(), workers.end(),
                     [&](const auto& entry) { return StandsIn(entry.second, worker, state); });
}

// Writes the health down if it has changed, with the event if a quarantine begins or ends. `why`
// is for one that ends.
void Put(const std::string& worker, WorkerHealth health, const std::string& why, Transaction& tx) {
  const auto record = tx.state().image().workers.find(worker);
  if (record == tx.state().image().workers.end() || record->second.health == health) return;
  const auto& options = tx.options().health;
  std::string event, detail;
  if (health.quarantines > record->second.health.quarantines) {
    event = "quarantined";
    detail = scheduler::QuarantineText(worker, health);
    if (!HasStandIn(record->second, tx.state()))
      detail += "; until another worker that could do the same is there, it gets jobs all the same";
  } else if (health.quarantine_until_ms == 0 &&
             scheduler::InQuarantine(record->second.health, tx.wall_ms(), options)) {
    event = "released";
    detail = "it gets jobs again: " + why;
  }
  tx.Add(catalog::WorkerHealthChanged{worker, std::move(health), event, detail});
}

}  // namespace

void NoteFailureOn(const std::string& worker, const AttemptKey& key,
                   const catalog::Failure& failure, Transaction& tx) {
  const State& state = tx.state();
  const AttemptRecord* attempt = state.FindAttempt(key);
  const auto record = state.image().workers.find(worker);
  if (attempt == nullptr || record == state.image().workers.end() || !Counts(*attempt, failure))
    return;
  const std::string job = key.Job().ToString();
  std::set<std::string> others = FailedOn(key.Job(), tx);
  others.erase(worker);
  if (others.empty()) {
    Put(worker,
        scheduler::AfterFailure(record->second.health,
                                {job, tx.wall_ms(), Excerpt(failure.error, kErrorBytes)},
                                tx.options().health),
        "", tx);
    return;
  }
  others.insert(worker);
  for (const std::string& other : others) {
    const auto known = state.image().workers.find(other);
    if (known == state.image().workers.end()) continue;
    Put(other, scheduler::WithoutJob(known->second.health, job, tx.options().health),
        "job " + job + " failed on several workers, so it is not their fault", tx);
  }
}

void NoteSuccess(const AttemptRecord& attempt, Transaction& tx) {
  const std::set<std::string> workers(attempt.workers.begin(), attempt.workers.end());
  const std::string job = attempt.key.Job().ToString();
  std::set<std::string> failed_on = FailedOn(attempt.key.Job(), tx);
  for (const std::string& worker : workers) {
    Put(worker, {}, "job " + job + " has succeeded there", tx);
    failed_on.erase(worker);
  }
  if (failed_on.size() < 2) return;  // it was not suspect
  for (const std::string& worker : failed_on) {
    const auto known = tx.state().image().workers.find(worker);
    if (known == tx.state().image().workers.end()) continue;
    Put(worker,
        scheduler::AfterFailure(
            known->second.health,
            {job, tx.wall_ms(),
             "it failed here and on other workers, and then succeeded elsewhere"},
            tx.options().health),
        "", tx);
  }
}

Status Release(const std::string& worker, Transaction& tx) {
  if (!tx.state().image().workers.contains(worker)) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no worker " + worker + ": `braid worker list` shows all");
  }
  Put(worker, {}, "somebody has released it", tx);
  return OkStatus();
}

std::string QuarantineOf(const catalog::WorkerRecord& worker, const State& state) {
  const auto live = state.workers.find(worker.id);
  const bool quarantined = live != state.workers.end() && live->second.quarantined;
  return quarantined && HasStandIn(worker, state)
             ? scheduler::QuarantineText(worker.id, worker.health)
             : "";
}

}  // namespace braid::coordinator
