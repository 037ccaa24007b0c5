#include "coordinator/core/sessions.h"

#include <map>
#include <set>
#include <utility>

#include "coordinator/core/bound_data.h"
#include "coordinator/core/gangs.h"
#include "coordinator/core/gpus.h"
#include "coordinator/core/leased_rank.h"
#include "coordinator/core/leaving.h"
#include "coordinator/core/watchdog.h"
#include "coordinator/core/worker_links.h"
#include "coordinator/core/worker_name.h"

namespace braid::coordinator {
namespace {

using catalog::WorkerRecord;
using scheduler::Link;

Status CheckHello(const WorkerRecord& hello) {
  if (hello.id.empty() || hello.boot_id.empty())
    return InvalidArgument("a hello needs a worker id and a boot id");
  BRAID_RETURN_IF_ERROR(CheckWorkerName("a worker id", hello.id));
  BRAID_RETURN_IF_ERROR(CheckWorkerName("the boot id of worker " + hello.id, hello.boot_id));
  BRAID_RETURN_IF_ERROR(CheckWorkerName("the site of worker " + hello.id, hello.site));
  if (hello.cpu_slots < 0 || hello.cpu_slots > 4096) {
    return InvalidArgument("worker " + hello.id + " offers " + std::to_string(hello.cpu_slots) +
                           " CPU slots: 0 to 4096 are possible");
  }
  if (hello.memory_bytes < 0) {
    return InvalidArgument("worker " + hello.id + " offers " + std::to_string(hello.memory_bytes) +
                           " bytes of memory: 0 (not known) or more are possible");
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

// The attempt of a rank that is leased to the worker; null if it has ended, or is not the worker's.
// Rows of runs that have ended are not read for it.
const AttemptRecord* LeasedAttempt(const RankKey& rank, const std::string& worker,
                                   const State& state) {
  if (!state.live().contains(rank.attempt())) return nullptr;
  const AttemptRecord* attempt = state.FindAttempt(rank.attempt());
  return attempt != nullptr && IsLeasedTo(*attempt, rank.rank, worker) ? attempt : nullptr;
}

// The worker's messages that change what the scheduler or other workers see of it.
bool SaysNews(const SignalCommand& command, const LiveWorker& worker, const State& state) {
  return command.draining != worker.draining || command.leaving ||
         (command.advertised.has_value() && *command.advertised != worker.advertised) ||
         (command.exchange.has_value() && *command.exchange != worker.exchange) ||
         command.reach.has_value() ||
         // Others may read what is bound where it is cached, too.
         (command.cached.has_value() &&
          (!state.with_binding().empty() || !KeepsTheSame(worker, command.kept))) ||
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
    NoteEvent(fresh, {hello.id, "replaced", "a newer session says hello under the same id"});
  fresh.refused_gpus = std::move(worker.refused_gpus);
  // A worker that connects again and again gets no more time for what it delivers.
  fresh.delivery_ends_ms = std::move(worker.delivery_ends_ms);
  fresh.undelivered = std::move(worker.undelivered);
  fresh.asked = worker.asked;
  fresh.link = worker.link;
  fresh.session = std::move(sink);
  fresh.session_id = tx.NextSession();
  fresh.contacted = true;
  fresh.last_contact_ms = tx.now_ms();
  fresh.hello = std::move(hello);
  worker = std::move(fresh);
  for (const RankKey& key : ranks) {
    // Nothing has been sent on the new session. Versions noted for the old one would make a rank
    // look missing that the worker simply has not reported yet.
    LiveAttempt& attempt = tx.attempt(key.attempt());
    attempt.assigned_version.erase(key.rank);
    attempt.stop_version.erase(key.rank);
  }
  tx.NoteSite(worker.hello.site, worker.hello.id);
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
  if (command.exchange.has_value()) BRAID_RETURN_IF_ERROR(CheckExchange(*command.exchange));
  LiveWorker& worker = SaysNews(command, it->second, tx.state()) ? tx.worker(command.worker)
                                                                 : tx.QuietWorker(command.worker);
  worker.last_contact_ms = tx.now_ms();
  worker.draining = command.draining;
  if (command.leaving && worker.hello.ephemeral) NoteLeft(command.worker, tx);
  worker.applied_version = command.applied_version;
  worker.disk.free_bytes = command.disk_free_bytes;
  if (command.advertised.has_value()) worker.advertised = *command.advertised;
  if (command.exchange.has_value()) worker.exchange = *command.exchange;
  if (command.reach.has_value()) worker.reach = Bounded(*command.reach);
  if (command.cached.has_value()) {
    worker.cached = std::make_shared<const std::set<std::string>>(command.cached->begin(),
                                                                  command.cached->end());
    worker.kept = std::make_shared<const std::set<std::string>>(command.kept.begin(),
                                                                command.kept.end());
  }
  worker.ranks.clear();
  for (const RankReport& report : command.ranks) {
    worker.ranks.insert(report.rank);
    const AttemptRecord* attempt = LeasedAttempt(report.rank, command.worker, tx.state());
    if (attempt == nullptr) continue;
    const bool still = report.rank.rank == 0 && attempt->state == AttemptState::kRunning;
    if (!still && !report.progress.has_value()) continue;
    LiveAttempt& live = tx.QuietAttempt(report.rank.attempt());
    if (still)
      NoteStillness(report.progress.value_or(task::Progress()), tx.now_ms(),
                    tx.options().lease.ttl_ms, &live);
    if (!report.progress.has_value()) continue;
    if (attempt->workers.size() > 1)
      NoteProgress(report.rank.rank, *report.progress, tx.now_ms(), &live);
    if (report.rank.rank == 0) live.progress = *report.progress;
  }
  worker.delivering = command.delivering;
  Release(command.worker, /*changed=*/command.cached.has_value(), tx);
  for (const RankKey& rank : command.delivering) {
    if (rank.rank != 0 || LeasedAttempt(rank, command.worker, tx.state()) == nullptr) continue;
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

}  // namespace braid::coordinator
