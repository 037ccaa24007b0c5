#include "coordinator/core/watch.h"

#include <exception>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "coordinator/core/attempts.h"
#include "coordinator/core/disks.h"
#include "coordinator/core/gangs.h"
#include "coordinator/core/gpus.h"
#include "coordinator/core/leaving.h"
#include "coordinator/core/time_limits.h"
#include "coordinator/core/watchdog.h"
#include "coordinator/core/worker_links.h"

namespace braid::coordinator {
namespace {

using catalog::WorkerAdmit;
using catalog::WorkerRecord;
using scheduler::Link;

// last_seen is for people, so a write a minute suffices; one for each heartbeat would fill the
// catalog's log.
constexpr int64_t kSeenEveryMs = 60'000;

// The task programs of an earlier boot died with it (base/process.h), so nobody will report their
// end, unless the worker kept something on its disk that it delivers now: an end, or a checkpoint
// from which the next attempt is to go on. That is waited for, but not without end.
void LoseOldBoot(const std::string& id, Transaction& tx) {
  const LiveWorker& before = tx.state().workers.at(id);
  if (before.hello.id.empty() || (before.old_boot_checked && before.delivery_ends_ms.empty()))
    return;
  LiveWorker& worker = tx.QuietWorker(id);
  worker.old_boot_checked = true;
  const std::map<RankKey, int64_t> ends_ms = std::exchange(worker.delivery_ends_ms, {});
  for (const RankKey& key : RanksOn(id, tx.state())) {
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt());
    if (attempt == nullptr || Ended(attempt->state)) continue;
    if (attempt->boots[static_cast<size_t>(key.rank)] == worker.hello.boot_id) continue;
    std::string why = "worker " + id + " was restarted";
    if (worker.delivering.contains(key)) {
      const auto known = ends_ms.find(key);
      const int64_t end_ms = known != ends_ms.end() ? known->second
                                                    : tx.now_ms() + tx.options().lease.delivery_ms;
      worker.delivery_ends_ms[key] = end_ms;
      if (tx.now_ms() < end_ms) continue;
      worker.undelivered.insert(key);
      why += ", and did not deliver in time what it had kept";
    }
    LoseRank(key.attempt(), key.rank, why, tx);
  }
}

// A worker that was told to run a rank, has acted on that, and does not have the rank will never
// report its end: it is about to exit, or could not store the report. Only rank 0 of a gang is
// asked for. The other ranks may end well before it, and if one of them is missing too early, rank
// 0 fails by itself.
void LoseMissingRank(const AttemptKey& key, Transaction& tx) {
  const AttemptRecord* attempt = tx.state().FindAttempt(key);
  if (attempt == nullptr || Ended(attempt->state) || attempt->state == AttemptState::kStopping ||
      !tx.state().RankIsMissing(*attempt, 0))
    return;
  LoseRank(key, 0, "worker " + attempt->workers[0] + " does not run it and reported no end", tx);
}

Link LinkNow(const std::string& id, const LiveWorker& worker, const State& state,
             const Options& options, int64_t now_ms) {
  scheduler::WorkerContact contact;
  contact.session = worker.session != nullptr;
  contact.contacted = worker.contacted;
  contact.holds_leases = state.HoldsLeases(id);
  contact.local_site = RecordOf(id, worker, state).site == options.site;
  contact.last_contact_ms = worker.last_contact_ms;
  return scheduler::LinkOf(contact, now_ms, state.started_ms, options.lease);
}

// Whether the catalog has this hello already. Fields that the catalog knows and a hello does not
// are left out of the comparison.
bool Registered(const WorkerRecord& hello, const State& state) {
  const auto known = state.image().workers.find(hello.id);
  if (known == state.image().workers.end()) return false;
  WorkerRecord same = hello;
  same.admit = known->second.admit;
  same.health = known->second.health;
  same.last_seen_ms = known->second.last_seen_ms;
  return same == known->second;
}

void Register(const WorkerRecord& hello, Transaction& tx) {
  const auto known = tx.state().image().workers.find(hello.id);
  WorkerRecord record = hello;
  record.last_seen_ms = tx.wall_ms();
  if (known != tx.state().image().workers.end()) {
    record.admit = known->second.admit;
    record.health = known->second.health;
  }
  tx.Add(catalog::WorkerRegistered{record});
  tx.QuietWorker(hello.id).seen_saved_ms = tx.wall_ms();
}

bool SeenIsDue(const LiveWorker& worker, int64_t wall_ms) {
  return worker.contacted && worker.session != nullptr &&
         wall_ms - worker.seen_saved_ms >= kSeenEveryMs;
}

// Writes what a worker's session left in memory: registration, the time it was last seen, events.
void WriteDown(const std::string& id, Transaction& tx) {
  const LiveWorker& worker = tx.state().workers.at(id);
  if (!worker.hello.id.empty() && !Registered(worker.hello, tx.state())) Register(worker.hello, tx);
  if (!tx.state().image().workers.contains(id)) return;
  if (SeenIsDue(worker, tx.wall_ms())) {
    tx.QuietWorker(id).seen_saved_ms = tx.wall_ms();
    tx.Add(catalog::WorkerSeen{id, tx.wall_ms()});
  }
  if (worker.unwritten.empty()) return;
  const std::vector<catalog::Update> events = worker.unwritten;
  tx.QuietWorker(id).unwritten.clear();
  for (const catalog::Update& event : events) tx.Add(event);
}

// Whether something of the worker is due that comes by itself, with the time.
bool IsDue(const LiveWorker& worker, int64_t wall_ms) {
  return !worker.unwritten.empty() || !worker.delivery_ends_ms.empty() ||
         (!worker.hello.id.empty() && !worker.old_boot_checked) || SeenIsDue(worker, wall_ms);
}

// `now_ms` is monotonic, `wall_ms` the wall clock.
void Observe(const std::string& id, LiveWorker& worker, State& state, const Options& options,
             int64_t now_ms, int64_t wall_ms) {
  const Link link = worker.link;
  SetLink(id, worker, LinkNow(id, worker, state, options, now_ms));
  const int64_t full_until_ms = worker.disk.full_until_ms;
  ObserveDisk(worker.disk, now_ms);
  const auto record = state.image().workers.find(id);
  const bool quarantined = record != state.image().workers.end() &&
                           scheduler::InQuarantine(record->second.health, wall_ms, options.health);
  const bool other_quarantine = std::exchange(worker.quarantined, quarantined) != quarantined;
  if (worker.link != link) {
    state.changes.workers.insert(id);
    state.changes.gpus = true;
  }
  if (worker.link != link || worker.disk.full_until_ms != full_until_ms || other_quarantine)
    state.changes.scheduling = true;
  if (IsDue(worker, wall_ms) || IsToBeForgotten(id, worker, state, options, now_ms))
    state.changes.workers.insert(id);
}

// The workers and attempts that a pass watches.
struct Watched {
  std::set<std::string> workers;
  std::set<AttemptKey> attempts;
};

// Whether the attempt may be over, or may have to be stopped, because of what its worker says. Most
// have one rank that its worker runs, which need not be looked at one by one.
bool IsToBeWatched(const AttemptKey& key, const State& state) {
  const AttemptRecord& attempt = *state.FindAttempt(key);
  if (attempt.workers.size() > 1 || attempt.state == AttemptState::kStopping) return true;
  const auto live = state.attempts.find(key);
  return (live != state.attempts.end() && live->second.stillness.still_ms > 0) ||
         state.RankIsMissing(attempt, 0);
}

// Takes the changes. An attempt may be over because of what any of its workers says.
Watched TakeWatched(Transaction& tx) {
  const State& state = tx.state();
  Changes& changes = tx.changes();
  Watched watched{std::exchange(changes.workers, {}), std::exchange(changes.attempts, {})};
  std::erase_if(watched.workers, [&](const auto& id) { return !state.workers.contains(id); });
  if (std::exchange(changes.all_watched, false) || !tx.options().only_changes) {
    for (const auto& [id, worker] : state.workers) watched.workers.insert(id);
    watched.attempts.insert(state.live().begin(), state.live().end());
    return watched;
  }
  for (const std::string& id : watched.workers) {
    for (const AttemptKey& key : state.LiveOn(id)) {
      if (IsToBeWatched(key, state)) watched.attempts.insert(key);
    }
  }
  return watched;
}

// A worker whose last lease has ended has been drained.
void EndDrain(const std::string& id, Transaction& tx) {
  const auto record = tx.state().image().workers.find(id);
  if (record == tx.state().image().workers.end() ||
      record->second.admit != WorkerAdmit::kDraining || tx.state().HoldsLeases(id))
    return;
  tx.Add(catalog::WorkerAdmitted{id, WorkerAdmit::kCordoned});
}

// What could not be watched, for the log: a worker, an attempt, or something else. Made only if
// that is so, as a pass watches much.
struct Piece {
  const char* name;
};
constexpr Piece kTimeLimits{"time limits"}, kClaiming{"claiming GPUs"};
std::string TextOf(const Piece& piece) {
  return piece.name;
}
std::string TextOf(const std::string& worker) {
  return "worker " + worker;
}
template <class Key>
std::string TextOf(const Key& key) {
  return key.ToString();
}

}  // namespace

void ObserveWorkers(State& state, const Options& options, int64_t now_ms, bool tick) {
  const int64_t wall_ms = options.clock->WallMs();
  if (!tick) {
    for (const std::string& id : state.changes.workers) {
      const auto worker = state.workers.find(id);
      if (worker == state.workers.end()) continue;
      Observe(id, worker->second, state, options, now_ms, wall_ms);
    }
    return;
  }
  // Registered workers that have not said hello since the start need an entry, or they would never
  // be declared lost.
  for (const auto& [id, record] : state.image().workers) state.workers.try_emplace(id);
  DropForgotten(state);
  for (auto& [id, worker] : state.workers) Observe(id, worker, state, options, now_ms, wall_ms);
  for (const JobKey& key : state.gangs()) {
    const AttemptKey attempt{key.run, key.job, state.FindJob(key)->epoch};
    if (state.live().contains(attempt)) state.changes.attempts.insert(attempt);
  }
}

std::string WatchWorkers(Transaction& tx) {
  std::string faults;
  // Each piece is taken back alone if it throws: what cannot be done for one worker or attempt must
  // not keep the others from being watched.
  const auto guarded = [&](const auto& what, const auto& watch) {
    const Transaction::Mark before = tx.Here();
    try {
      watch();
    } catch (const std::exception& error) {
      tx.TakeBack(before);
      faults += (faults.empty() ? "" : "; ") + TextOf(what) + ": " + error.what();
    }
  };
  const Watched watched = TakeWatched(tx);
  for (const std::string& id : watched.workers) {
    guarded(id, [&] { WriteDown(id, tx); });
    guarded(id, [&] { LoseOldBoot(id, tx); });
    guarded(id, [&] { TakeBackFromWhoLeft(id, tx); });
    if (tx.state().workers.at(id).link != Link::kLost) continue;
    for (const RankKey& key : RanksOn(id, tx.state())) {
      guarded(key, [&] {
        LoseRank(key.attempt(), key.rank, "worker " + id + " was lost: nothing was heard of it",
                 tx);
      });
    }
  }
  for (const AttemptKey& key : watched.attempts) {
    // One that has ended would be read from the catalog to find just that.
    if (!tx.state().live().contains(key)) continue;
    guarded(key, [&] {
      LoseMissingRank(key, tx);
      WatchGang(key, tx);
      WatchSteps(key, tx);
    });
  }
  guarded(kTimeLimits, [&] { WatchTimeLimits(tx); });
  // The decisions above may have changed others.
  std::set<AttemptKey> left = watched.attempts;
  left.insert(tx.changes().attempts.begin(), tx.changes().attempts.end());
  for (const AttemptKey& key : left) {
    if (tx.state().live().contains(key)) guarded(key, [&] { FinishIfGone(key, tx); });
  }
  std::set<std::string> workers = watched.workers;
  workers.insert(tx.changes().workers.begin(), tx.changes().workers.end());
  for (const std::string& id : workers) {
    guarded(id, [&] { EndDrain(id, tx); });
    guarded(id, [&] { ForgetIfGone(id, tx); });
  }
  // Last, because attempts that end and workers that are forgotten above free GPUs. Whether the end
  // of an attempt is found among the workers or later depends on what is watched, and must make no
  // difference.
  if (std::exchange(tx.changes().gpus, false) || !tx.options().only_changes) {
    guarded(kClaiming, [&] {
      for (const std::string& id : ClaimFreedGpus(tx)) WriteDown(id, tx);
    });
  }
  return faults;
}

}  // namespace braid::coordinator
