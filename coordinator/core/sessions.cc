#include "coordinator/core/sessions.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "coordinator/core/attempts.h"
#include "coordinator/core/disks.h"
#include "coordinator/core/gangs.h"
#include "coordinator/core/gpus.h"
#include "coordinator/core/leased_rank.h"
#include "coordinator/core/leaving.h"
#include "coordinator/core/worker_name.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

using catalog::WorkerAdmit;
using catalog::WorkerRecord;
using scheduler::Link;

// last_seen is for people, so a write a minute suffices; one for each heartbeat would fill the
// catalog's log.
constexpr int64_t kSeenEveryMs = 60'000;
// Bounds the memory that a worker takes which connects and disconnects while nothing can be
// written.
constexpr size_t kMaxUnwritten = 100;

// Every rank of a live attempt that is leased to the worker.
std::vector<RankKey> RanksOn(const std::string& worker, const State& state) {
  std::vector<RankKey> ranks;
  for (const AttemptKey& key : state.LiveOn(worker)) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
      if (attempt.workers[rank] == worker) ranks.push_back({key, static_cast<int64_t>(rank)});
    }
  }
  return ranks;
}

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

// The oldest events are dropped first.
void Remember(LiveWorker& worker, catalog::WorkerLinkChanged event) {
  if (worker.unwritten.size() >= kMaxUnwritten) worker.unwritten.erase(worker.unwritten.begin());
  worker.unwritten.push_back(std::move(event));
}

void SetLink(const std::string& id, LiveWorker& worker, Link link) {
  if (worker.link == link) return;
  const Link before = worker.link;
  worker.link = link;
  if (link == Link::kReady) {
    Remember(worker, {id, "connected", ""});
  } else if (link == Link::kDisconnected && before == Link::kReady) {
    Remember(worker, {id, "disconnected", "its attempts keep their leases for a while"});
  } else if (link == Link::kLost) {
    Remember(worker, {id, "lost", "what it ran starts elsewhere"});
  }
}

// As the worker said hello to this process, else as it is registered.
const WorkerRecord& RecordOf(const std::string& id, const LiveWorker& worker, const State& state) {
  const auto record = state.image().workers.find(id);
  return worker.hello.id.empty() && record != state.image().workers.end() ? record->second
                                                                          : worker.hello;
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

Status CheckHello(const WorkerRecord& hello) {
  if (hello.id.empty() || hello.boot_id.empty())
    return InvalidArgument("a hello needs a worker id and a boot id");
  BRAID_RETURN_IF_ERROR(CheckWorkerName("a worker id", hello.id));
  BRAID_RETURN_IF_ERROR(CheckWorkerName("the site of worker " + hello.id, hello.site));
  if (hello.cpu_slots < 0 || hello.cpu_slots > 4096) {
    return InvalidArgument("worker " + hello.id + " offers " + std::to_string(hello.cpu_slots) +
                           " CPU slots: 0 to 4096 are possible");
  }
  return OkStatus();
}

// Protects the worker that has the id now: if another process could take it over, the jobs of the
// first would be declared lost. Two folders on one host, or two containers with the same host name,
// get the same default id.
Status CheckElder(const WorkerRecord& hello, const Transaction& tx) {
  const State& state = tx.state();
  const auto live = state.workers.find(hello.id);
  const LiveWorker elder = live == state.workers.end() ? LiveWorker() : live->second;
  const WorkerRecord& known = RecordOf(hello.id, elder, state);
  if (known.boot_id.empty() || known.boot_id == hello.boot_id) return OkStatus();
  // A folder has one worker process at a time (it holds the folder's lock), so a new process in the
  // same folder proves that the elder is gone, even if its stream still seems open. A copy of the
  // folder has another `instance`.
  const bool same_place = known.host == hello.host && known.folder == hello.folder;
  if (same_place && !known.instance.empty() && known.instance == hello.instance) return OkStatus();
  const std::string who = known.host.empty() ? "another process"
                                             : "another process, on " + known.host;
  if (elder.session != nullptr &&
      tx.now_ms() - elder.last_contact_ms <= tx.options().lease.ttl_ms) {
    return Status(StatusCode::kAlreadyExists, ErrorReason::kAlreadyExists,
                  "worker id " + hello.id + " is that of " + who + " (boot " +
                      known.boot_id.substr(0, 8) +
                      "), which is connected and goes on: give this worker another --id, or stop "
                      "that one first");
  }
  const bool may_come_back = !elder.contacted &&
                             tx.now_ms() - state.started_ms < tx.options().lease.ttl_ms;
  if (may_come_back && state.HoldsLeases(hello.id)) {
    return Status(StatusCode::kUnavailable, ErrorReason::kRecovering,
                  "the coordinator has just started and waits for the worker that had id " +
                      hello.id + " before (" + who + "), whose jobs may still run");
  }
  return OkStatus();
}

// Whether the catalog has this hello already. Fields that the catalog knows and a hello does not
// are left out of the comparison.
bool Registered(const WorkerRecord& hello, const State& state) {
  const auto known = state.image().workers.find(hello.id);
  if (known == state.image().workers.end()) return false;
  WorkerRecord same = hello;
  same.admit = known->second.admit;
  same.last_seen_ms = known->second.last_seen_ms;
  return same == known->second;
}

void Register(const WorkerRecord& hello, Transaction& tx) {
  const auto known = tx.state().image().workers.find(hello.id);
  WorkerRecord record = hello;
  record.last_seen_ms = tx.wall_ms();
  if (known != tx.state().image().workers.end()) record.admit = known->second.admit;
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
  if (worker.link != link) {
    state.changes.workers.insert(id);
    state.changes.gpus = true;
  }
  if (worker.link != link || worker.disk.full_until_ms != full_until_ms)
    state.changes.scheduling = true;
  if (IsDue(worker, wall_ms) || IsToBeForgotten(id, worker, state, options, now_ms))
    state.changes.workers.insert(id);
}

// What a pass watches.
struct Watched {
  std::set<std::string> workers;
  std::set<AttemptKey> attempts;
};

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
    const std::set<AttemptKey>& on = state.LiveOn(id);
    watched.attempts.insert(on.begin(), on.end());
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

// The worker's messages that change what the scheduler or other workers see of it.
bool SaysNews(const SignalCommand& command, const LiveWorker& worker) {
  return command.draining != worker.draining || command.leaving ||
         (command.advertised.has_value() && *command.advertised != worker.advertised) ||
         command.reach.has_value() ||
         // For the reason of the jobs that wait for room there.
         (worker.disk.full_until_ms != 0 && command.disk_free_bytes != worker.disk.free_bytes);
}

}  // namespace

Result<int64_t> Hello(const WorkerRecord& said, std::shared_ptr<SessionSink> sink,
                      Transaction& tx) {
  WorkerRecord hello = said;
  // A worker of this machine needs no --site to be where the coordinator is.
  if (hello.site.empty() && !hello.network.empty() && hello.network == tx.options().network)
    hello.site = tx.options().site;
  BRAID_RETURN_IF_ERROR(CheckHello(hello));
  BRAID_RETURN_IF_ERROR(CheckElder(hello, tx));
  const std::vector<RankKey> ranks = RanksOn(hello.id, tx.state());
  std::vector<RefusedGpu> refused_gpus = RefuseGpus(&hello, tx.state());
  LiveWorker& worker = tx.worker(hello.id);
  LiveWorker fresh;
  if (worker.session != nullptr) {
    const std::string why = "worker id " + hello.id + " was taken over by " +
                            (hello.host.empty() ? "another process" : hello.host) + " (boot " +
                            hello.boot_id.substr(0, 8) +
                            "): stop one of the two, or give it another --id";
    tx.Later([elder = worker.session, why] { elder->Replaced(why); });
  }
  // The same process knows the same disk. A new one begins without a block: perhaps it was
  // restarted on a larger disk.
  if (worker.hello.boot_id == hello.boot_id) fresh.disk = worker.disk;
  fresh.unwritten = std::move(worker.unwritten);
  if (worker.session != nullptr)
    Remember(fresh, {hello.id, "replaced", "a newer session says hello under the same id"});
  fresh.refused_gpus = std::move(worker.refused_gpus);
  // A worker that connects again and again gets no more time for what it delivers.
  fresh.delivery_ends_ms = std::move(worker.delivery_ends_ms);
  fresh.undelivered = std::move(worker.undelivered);
  fresh.asked = worker.asked;
  fresh.link = worker.link;
  fresh.session = std::move(sink);
  fresh.session_id = worker.session_id + 1;
  fresh.contacted = true;
  fresh.last_contact_ms = tx.now_ms();
  fresh.hello = std::move(hello);
  worker = std::move(fresh);
  for (const RankKey& key : ranks) {
    // The new session has been told nothing. Versions noted for the old one would make a rank look
    // missing that the worker simply has not reported yet.
    LiveAttempt& attempt = tx.attempt(key.attempt());
    attempt.assigned_version.erase(key.rank);
    attempt.stop_version.erase(key.rank);
  }
  NoteGpus(said.gpus, std::move(refused_gpus), &worker);
  SetLink(worker.hello.id, worker, Link::kReady);
  return worker.session_id;
}

Status Signal(const SignalCommand& command, Transaction& tx) {
  const auto it = tx.state().workers.find(command.worker);
  if (it == tx.state().workers.end() || it->second.session_id != command.session_id) {
    return Status(StatusCode::kAlreadyExists, ErrorReason::kWorkerReplaced,
                  "another session has taken over worker id " + command.worker);
  }
  if (command.advertised.has_value()) BRAID_RETURN_IF_ERROR(CheckAdvertised(*command.advertised));
  LiveWorker& worker = SaysNews(command, it->second) ? tx.worker(command.worker)
                                                     : tx.QuietWorker(command.worker);
  worker.last_contact_ms = tx.now_ms();
  worker.draining = command.draining;
  if (command.leaving && worker.hello.ephemeral) NoteLeft(command.worker, tx);
  worker.applied_version = command.applied_version;
  worker.disk.free_bytes = command.disk_free_bytes;
  if (command.advertised.has_value()) worker.advertised = *command.advertised;
  if (command.reach.has_value()) worker.reach = Bounded(*command.reach);
  if (command.cached.has_value()) {
    worker.cached = std::make_shared<const std::set<std::string>>(command.cached->begin(),
                                                                  command.cached->end());
  }
  worker.ranks.clear();
  for (const RankReport& report : command.ranks) {
    worker.ranks.insert(report.rank);
    const AttemptRecord* attempt = tx.state().FindAttempt(report.rank.attempt());
    if (attempt == nullptr || Ended(attempt->state) || !report.progress.has_value() ||
        !IsLeasedTo(*attempt, report.rank.rank, command.worker))
      continue;
    LiveAttempt& live = tx.QuietAttempt(report.rank.attempt());
    if (attempt->workers.size() > 1)
      NoteProgress(report.rank.rank, *report.progress, tx.now_ms(), &live);
    if (report.rank.rank == 0) live.progress = *report.progress;
  }
  worker.delivering = command.delivering;
  for (const RankKey& rank : command.delivering) {
    const AttemptRecord* attempt = tx.state().FindAttempt(rank.attempt());
    if (attempt == nullptr || Ended(attempt->state) || rank.rank != 0 ||
        !IsLeasedTo(*attempt, rank.rank, command.worker))
      continue;
    task::Progress progress;
    progress.phase = "delivering";
    progress.time_ms = tx.wall_ms();
    tx.QuietAttempt(rank.attempt()).progress = progress;
  }
  return OkStatus();
}

void SessionClosed(const std::string& id, int64_t session_id, Transaction& tx) {
  const auto it = tx.state().workers.find(id);
  if (it == tx.state().workers.end() || it->second.session_id != session_id) return;
  LiveWorker& worker = tx.worker(id);
  worker.session = nullptr;
  worker.desired = nullptr;
}

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
  const auto guarded = [&](const std::string& what, const std::function<void()>& watch) {
    const Transaction::Mark before = tx.Here();
    try {
      watch();
    } catch (const std::exception& error) {
      tx.TakeBack(before);
      faults += (faults.empty() ? "" : "; ") + what + ": " + error.what();
    }
  };
  const Watched watched = TakeWatched(tx);
  for (const std::string& id : watched.workers) {
    guarded("worker " + id, [&] { WriteDown(id, tx); });
    guarded("worker " + id, [&] { LoseOldBoot(id, tx); });
    guarded("worker " + id, [&] { TakeBackFromWhoLeft(id, tx); });
    if (tx.state().workers.at(id).link != Link::kLost) continue;
    for (const RankKey& key : RanksOn(id, tx.state())) {
      guarded(key.ToString(), [&] {
        LoseRank(key.attempt(), key.rank, "worker " + id + " was lost: nothing was heard of it",
                 tx);
      });
    }
  }
  if (std::exchange(tx.changes().gpus, false) || !tx.options().only_changes) {
    guarded("claiming GPUs", [&] {
      for (const std::string& id : ClaimFreedGpus(tx)) WriteDown(id, tx);
    });
  }
  for (const AttemptKey& key : watched.attempts) {
    guarded(key.ToString(), [&] {
      LoseMissingRank(key, tx);
      WatchGang(key, tx);
    });
  }
  // What was decided above may have touched others.
  std::set<AttemptKey> left = watched.attempts;
  left.insert(tx.changes().attempts.begin(), tx.changes().attempts.end());
  for (const AttemptKey& key : left) guarded(key.ToString(), [&] { FinishIfGone(key, tx); });
  std::set<std::string> workers = watched.workers;
  workers.insert(tx.changes().workers.begin(), tx.changes().workers.end());
  for (const std::string& id : workers) {
    guarded("worker " + id, [&] { EndDrain(id, tx); });
    guarded("worker " + id, [&] { ForgetIfGone(id, tx); });
  }
  return faults;
}

Status Cordon(const std::string& id, bool open, Transaction& tx) {
  const auto it = tx.state().image().workers.find(id);
  if (it == tx.state().image().workers.end()) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no worker " + id + ": `braid worker list` shows all");
  }
  const WorkerAdmit admit = open ? WorkerAdmit::kOpen : WorkerAdmit::kCordoned;
  if (it->second.admit != admit) tx.Add(catalog::WorkerAdmitted{id, admit});
  return OkStatus();
}

Status Drain(const std::string& id, Transaction& tx) {
  BRAID_RETURN_IF_ERROR(Cordon(id, /*open=*/false, tx));
  if (!tx.state().HoldsLeases(id)) return OkStatus();
  tx.Add(catalog::WorkerAdmitted{id, WorkerAdmit::kDraining});
  for (const RankKey& key : RanksOn(id, tx.state())) {
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt());
    if (attempt->state == AttemptState::kStopping) continue;
    StopAttempt(
        key.attempt(), catalog::StopReason::kDrain,
        {NameOf(task::FailureCategory::kPreempted), "worker " + id + " is drained", "", false}, tx);
  }
  return OkStatus();
}

void Remove(const std::string& id, const std::string& why, Transaction& tx) {
  if (tx.state().workers.contains(id)) {
    // Nothing that it said counts any more, so that no rank is waited for because of it.
    LiveWorker& worker = tx.worker(id);
    LiveWorker fresh;
    fresh.unwritten = std::move(worker.unwritten);
    fresh.asked = worker.asked;
    fresh.session_id = worker.session_id + 1;  // what the session still says is refused
    if (worker.session != nullptr)
      tx.Later([session = worker.session, why] { session->Replaced(why); });
    worker = std::move(fresh);
  }
  for (const RankKey& key : RanksOn(id, tx.state())) {
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt());
    if (attempt != nullptr && !Ended(attempt->state)) LoseRank(key.attempt(), key.rank, why, tx);
  }
  const auto known = tx.state().image().workers.find(id);
  if (known != tx.state().image().workers.end() && known->second.admit != WorkerAdmit::kCordoned)
    tx.Add(catalog::WorkerAdmitted{id, WorkerAdmit::kCordoned});
  Remember(tx.worker(id), {id, "removed", why});
}

}  // namespace braid::coordinator
