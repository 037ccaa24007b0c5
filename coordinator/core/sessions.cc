#include "coordinator/core/sessions.h"

#include "coordinator/core/attempts.h"
#include "coordinator/core/gpus.h"

namespace braid::coordinator {
namespace {

using catalog::WorkerAdmit;
using catalog::WorkerRecord;
using scheduler::Link;

constexpr int64_t kSeenEveryMs = 60'000;

// (attempt, rank) of every live rank leased to the worker.
std::vector<RankKey> RanksOn(const std::string& worker, const State& state) {
  std::vector<RankKey> ranks;
  for (const AttemptKey& key : state.live()) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
      if (attempt.workers[rank] == worker) ranks.push_back({key, static_cast<int64_t>(rank)});
    }
  }
  return ranks;
}

void LoseOldBoot(const WorkerRecord& worker, Transaction& tx) {
  for (const RankKey& key : RanksOn(worker.id, tx.state())) {
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt);
    if (attempt == nullptr || Ended(attempt->state)) continue;
    if (attempt->boots[static_cast<size_t>(key.rank)] == worker.boot_id) continue;
    LoseRank(key.attempt, key.rank, "worker " + worker.id + " was restarted", tx);
  }
}

// A worker that was told of a rank and does not have it will never report its end: it is leaving, or could not report. Of a
// gang only rank 0 is asked for: the others may have ended well before it, and without them it cannot go on.
void LoseMissingRanks(Transaction& tx) {
  const std::set<AttemptKey> live = tx.state().live();
  for (const AttemptKey& key : live) {
    const AttemptRecord& attempt = *tx.state().FindAttempt(key);
    if (attempt.state == AttemptState::kStopping || !tx.state().RankIsMissing(attempt, 0)) continue;
    LoseRank(key, 0, "worker " + attempt.workers[0] + " does not run it and reported no end", tx);
  }
}

void SetLink(const std::string& id, LiveWorker& worker, Link link, Transaction& tx) {
  if (worker.link == link) return;
  const Link before = worker.link;
  worker.link = link;
  if (link == Link::kReady) {
    tx.Add(catalog::WorkerLinkChanged{id, "connected", ""});
  } else if (link == Link::kDisconnected && before == Link::kReady) {
    tx.Add(catalog::WorkerLinkChanged{id, "disconnected", "its attempts keep their leases for a while"});
  } else if (link == Link::kLost) {
    tx.Add(catalog::WorkerLinkChanged{id, "lost", "what it ran starts elsewhere"});
  }
}

Link LinkNow(const std::string& id, const LiveWorker& worker, const Transaction& tx, const State& state) {
  scheduler::Silence silence;
  silence.session = worker.session != nullptr;
  silence.heard = worker.heard;
  silence.holds_leases = state.HoldsLeases(id);
  silence.local_site = state.image().workers.at(id).site == tx.options().site;
  silence.last_heard_ms = worker.last_heard_ms;
  return scheduler::LinkOf(silence, tx.now_ms(), state.started_ms, tx.options().lease);
}

}  // namespace

Result<int64_t> Hello(const WorkerRecord& hello, std::shared_ptr<SessionSink> sink, Transaction& tx) {
  if (hello.id.empty() || hello.boot_id.empty()) return InvalidArgument("a hello needs a worker id and a boot id");
  if (hello.cpu_slots < 0 || hello.cpu_slots > 4096) {
    return InvalidArgument("worker " + hello.id + " offers " + std::to_string(hello.cpu_slots) + " CPU slots: 0 to 4096 are possible");
  }
  State& state = tx.state();
  WorkerRecord record = hello;
  record.last_seen_ms = tx.wall_ms();
  const auto known = state.image().workers.find(hello.id);
  if (known != state.image().workers.end()) record.admit = known->second.admit;
  std::vector<RefusedGpu> refused_gpus = RefuseGpus(&record, state);

  LiveWorker& worker = state.workers[hello.id];
  if (worker.session != nullptr) {
    worker.session->Replaced("worker id " + hello.id + " was taken over by " + (hello.host.empty() ? "another process" : hello.host) +
                             " (boot " + hello.boot_id.substr(0, 8) + "): stop one of the two, or give it another --id");
    tx.Add(catalog::WorkerLinkChanged{hello.id, "replaced", "a newer session says hello under the same id"});
  }
  if (known == state.image().workers.end() || known->second != record) tx.Add(catalog::WorkerRegistered{record});
  const Link link = worker.link;
  const int64_t session_id = worker.session_id + 1;
  worker = LiveWorker();
  worker.link = link;
  worker.session = std::move(sink);
  worker.session_id = session_id;
  worker.heard = true;
  worker.last_heard_ms = tx.now_ms();
  worker.seen_saved_ms = tx.wall_ms();
  for (const RankKey& key : RanksOn(hello.id, state)) {
    state.attempts[key.attempt].told_version.erase(key.rank);
    state.attempts[key.attempt].stop_version.erase(key.rank);
  }
  SetLink(hello.id, worker, Link::kReady, tx);
  NoteGpus(hello.id, hello.gpus, std::move(refused_gpus), tx);
  LoseOldBoot(record, tx);
  return session_id;
}

Status Signal(const SignalCommand& command, Transaction& tx) {
  State& state = tx.state();
  const auto it = state.workers.find(command.worker);
  if (it == state.workers.end() || it->second.session_id != command.session_id) {
    return Status(StatusCode::kAlreadyExists, "WORKER_REPLACED",
                  "another session has taken over worker id " + command.worker);
  }
  LiveWorker& worker = it->second;
  worker.last_heard_ms = tx.now_ms();
  worker.draining = command.draining;
  worker.seen_version = command.seen_version;
  if (command.cached.has_value()) worker.cached = {command.cached->begin(), command.cached->end()};
  worker.ranks.clear();
  for (const RankReport& report : command.ranks) {
    worker.ranks.insert(report.rank);
    const AttemptRecord* attempt = state.FindAttempt(report.rank.attempt);
    if (attempt == nullptr || Ended(attempt->state) || report.rank.rank != 0 || !report.progress.has_value()) continue;
    state.attempts[report.rank.attempt].progress = *report.progress;
  }
  if (tx.wall_ms() - worker.seen_saved_ms >= kSeenEveryMs) {
    worker.seen_saved_ms = tx.wall_ms();
    tx.Add(catalog::WorkerSeen{command.worker, tx.wall_ms()});
  }
  return OkStatus();
}

void SessionClosed(const std::string& id, int64_t session_id, Transaction& tx) {
  const auto it = tx.state().workers.find(id);
  if (it == tx.state().workers.end() || it->second.session_id != session_id) return;
  it->second.session = nullptr;
  it->second.desired = nullptr;
}

void WatchWorkers(Transaction& tx) {
  State& state = tx.state();
  for (const auto& [id, record] : state.image().workers) {
    LiveWorker& worker = state.workers[id];
    const Link link = LinkNow(id, worker, tx, state);
    SetLink(id, worker, link, tx);
    if (link != Link::kLost) continue;
    for (const RankKey& key : RanksOn(id, state)) {
      LoseRank(key.attempt, key.rank, "worker " + id + " was lost: nothing was heard of it", tx);
    }
  }
  ClaimFreedGpus(tx);
  LoseMissingRanks(tx);
  const std::set<AttemptKey> live = state.live();
  for (const AttemptKey& key : live) FinishIfGone(key, tx);
  for (const auto& [id, record] : state.image().workers) {
    if (record.admit == WorkerAdmit::kDraining && !state.HoldsLeases(id)) {
      tx.Add(catalog::WorkerAdmitted{id, WorkerAdmit::kCordoned});
    }
  }
}

Status Cordon(const std::string& id, bool open, Transaction& tx) {
  const auto it = tx.state().image().workers.find(id);
  if (it == tx.state().image().workers.end()) {
    return Status(StatusCode::kNotFound, "NOT_FOUND", "there is no worker " + id + ": `braid worker list` shows all");
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
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt);
    if (attempt->state == AttemptState::kStopping) continue;
    StopAttempt(key.attempt, "drain", {"preempted", "worker " + id + " is drained", "", false}, tx);
  }
  return OkStatus();
}

}  // namespace braid::coordinator
