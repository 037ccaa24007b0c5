#include "coordinator/core/leaving.h"

#include <utility>
#include <vector>

#include "coordinator/core/attempts.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

// The row of a cordoned worker keeps the operator's decision in case the worker comes back; after a
// day it will not.
constexpr int64_t kCordonedMs = 86'400'000;

// An entry without a worker: the worker with the id has left, and no other one has taken the id
// yet.
bool IsEmpty(const std::string& id, const LiveWorker& worker, const State& state) {
  return worker.session == nullptr && worker.hello.id.empty() && worker.unwritten.empty() &&
         !state.image().workers.contains(id);
}

}  // namespace

bool IsToBeForgotten(const std::string& id, const LiveWorker& worker, const State& state,
                     const Options& options, int64_t now_ms) {
  const auto record = state.image().workers.find(id);
  if (record == state.image().workers.end() || !record->second.ephemeral || state.HoldsLeases(id))
    return false;
  if (worker.left) return true;
  // Whoever cordoned it meant this id. A worker that comes back within a day does not take jobs
  // because its stream was broken for some seconds.
  const bool open = record->second.admit == catalog::WorkerAdmit::kOpen;
  // One that goes on after all, without anything to do, registers again. After a restart of the
  // coordinator it has time to.
  const int64_t quiet_since_ms = worker.contacted ? worker.last_contact_ms
                                                  : state.started_ms + options.lease.recovery_ms;
  return worker.session == nullptr &&
         now_ms - quiet_since_ms > (open ? options.lease.ttl_ms : kCordonedMs);
}

void NoteLeft(const std::string& id, Transaction& tx) {
  LiveWorker& worker = tx.worker(id);
  worker.left = true;
  if (worker.session == nullptr) return;
  tx.Later(
      [session = worker.session, why = "worker " + id + " has left"] { session->Replaced(why); });
}

void TakeBackFromWhoLeft(const std::string& id, Transaction& tx) {
  const auto live = tx.state().workers.find(id);
  if (live == tx.state().workers.end() || !live->second.left) return;
  const std::set<RankKey> delivering = live->second.delivering;
  const std::set<AttemptKey> attempts = tx.state().LiveOn(id);
  for (const AttemptKey& key : attempts) {
    const std::vector<std::string> workers = tx.state().FindAttempt(key)->workers;
    for (size_t rank = 0; rank < workers.size(); ++rank) {
      const RankKey leased{key, static_cast<int64_t>(rank)};
      if (workers[rank] != id || delivering.contains(leased)) continue;
      EndedCommand ended;
      ended.rank = leased;
      ended.worker = id;
      ended.failure = {NameOf(task::FailureCategory::kPreempted),
                       "worker " + id + " has left and handed it back", "", false};
      (void)ReportEnded(ended, tx);  // a stale one has ended already
    }
  }
}

void DeclareGone(const std::string& id, const std::string& why, Transaction& tx) {
  const auto record = tx.state().image().workers.find(id);
  if (record == tx.state().image().workers.end() || !record->second.ephemeral) return;
  const std::set<AttemptKey> attempts = tx.state().LiveOn(id);
  for (const AttemptKey& key : attempts) {
    const std::vector<std::string> workers = tx.state().FindAttempt(key)->workers;
    for (size_t rank = 0; rank < workers.size(); ++rank) {
      if (workers[rank] == id)
        LoseRank(key, static_cast<int64_t>(rank), "worker " + id + " is gone: " + why, tx);
    }
  }
  tx.worker(id).delivering.clear();
  NoteLeft(id, tx);
}

void ForgetIfGone(const std::string& id, Transaction& tx) {
  const auto live = tx.state().workers.find(id);
  if (live == tx.state().workers.end() ||
      !IsToBeForgotten(id, live->second, tx.state(), tx.options(), tx.now_ms()))
    return;
  const bool left = live->second.left;
  tx.Add(catalog::WorkerForgotten{
      id, left ? "it has left for good"
               : "nothing is heard of it, and it would not come back under this id"});
  LiveWorker& worker = tx.worker(id);
  LiveWorker fresh;
  fresh.session_id = tx.NextSession();  // what the session still says is refused
  worker = std::move(fresh);
}

void DropForgotten(State& state) {
  std::erase_if(state.workers, [&](const auto& entry) {
    const bool empty = IsEmpty(entry.first, entry.second, state);
    if (empty) state.sites.Forget(entry.first);
    return empty;
  });
}

}  // namespace braid::coordinator
