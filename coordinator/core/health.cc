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

bool Counts(const AttemptRecord& attempt, const catalog::Failure& failure) {
  const auto& workers = attempt.workers;
  const bool alone = std::equal(workers.begin() + 1, workers.end(), workers.begin());
  return alone && scheduler::MayBeTheWorkers(task::FailureCategoryOf(failure.category)) &&
         !IsNameOf(failure.reason, ErrorReason::kStorageFull);
}

// The other workers on which the job failed in a way that may be theirs. Workers that were lost
// with it are not among them: the job did nothing there.
std::set<std::string> FailedElsewhere(const JobKey& job, const std::string& worker,
                                      const State& state) {
  std::set<std::string> others;
  for (const AttemptRecord* attempt : state.AttemptsOf(job)) {
    if (attempt->state == AttemptState::kFailed && Counts(*attempt, attempt->failure))
      others.insert(attempt->workers.front());
  }
  others.erase(worker);
  return others;
}

// Writes the health down if it has changed, with the event if a quarantine begins or ends. `why`
// is for one that ends.
void Put(const std::string& worker, WorkerHealth health, const std::string& why, Transaction& tx) {
  const auto record = tx.state().image().workers.find(worker);
  if (record == tx.state().image().workers.end() || record->second.health == health) return;
  const auto& options = tx.options().health;
  const int64_t before_ms = record->second.health.quarantine_until_ms;
  std::string event, detail;
  if (health.quarantine_until_ms > before_ms) {
    event = "quarantined";
    detail = scheduler::QuarantineText(worker, health);
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
  std::set<std::string> others = FailedElsewhere(key.Job(), worker, state);
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
  const std::string why = "job " + attempt.key.Job().ToString() + " has succeeded there";
  for (const std::string& worker : workers) Put(worker, {}, why, tx);
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
  return quarantined ? scheduler::QuarantineText(worker.id, worker.health) : "";
}

}  // namespace braid::coordinator
