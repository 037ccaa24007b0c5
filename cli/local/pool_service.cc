#include "cli/local/pool_service.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/private_folder.h"
#include "base/random.h"
#include "cli/shared/exit_code.h"
#include "pool/agent.h"
#include "pool/kubernetes/kubernetes.h"
#include "pool/local/local.h"
#include "pool/slurm/slurm.h"
#include "rpc/convert.h"

namespace braid::cli {
namespace {

constexpr char kPools[] = "pools";
constexpr char kLock[] = "pool.lock";
// Its presence asks the process that serves the pool to delete it.
constexpr char kDelete[] = "delete";
constexpr int64_t kSyncMs = 1'000;
constexpr int kMostSteps = 10;
// The coordinator takes no more at a time.
constexpr size_t kMostEvents = 100;
constexpr int64_t kDeleteMs = 120'000;

// The agent's own log is its standard error.
void Say(const std::string& pool, const std::string& text) {
  std::fprintf(stderr, "pool %s: %s\n", pool.c_str(), text.c_str());
}

// Signals that end the agent; blocked in every thread, taken by the loop.
sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

std::unique_ptr<pool::Engine> MakeEngine(const pool::Settings& settings, const std::string& folder,
                                         int64_t command_timeout_ms) {
  if (settings.engine == "local")
    return std::make_unique<pool::local::Local>(settings, folder, command_timeout_ms);
  if (settings.engine == "kubernetes")
    return std::make_unique<pool::kubernetes::Kubernetes>(settings, folder, command_timeout_ms);
  return std::make_unique<pool::slurm::Slurm>(settings, folder, command_timeout_ms);
}

// To look at processes of this machine costs nothing; Slurm's controller serves many, and finds
// jobs of one user only by looking at all.
int64_t ListEveryMs(const pool::Settings& settings, const PoolTimes& times) {
  if (times.list_every_ms > 0) return times.list_every_ms;
  if (settings.engine == "local") return 1'000;
  return settings.engine == "kubernetes" ? 5'000 : 15'000;
}

v1::Pool MessageOf(const pool::Settings& s, const std::string& folder, const pool::Agent& agent) {
  v1::Pool message;
  message.set_name(s.name);
  message.set_engine(s.engine);
  message.set_site(s.site);
  message.set_host(HostName());
  message.set_folder(folder);
  message.set_max_workers(static_cast<int32_t>(s.max_workers));
  message.set_cpu_slots(static_cast<int32_t>(s.cpu_slots));
  message.set_gpus(static_cast<int32_t>(s.gpus));
  const std::pair<const char*, const std::string*> settings[] = {
      {"account", &s.account},
      {"partition", &s.partition},
      {"qos", &s.qos},
      {"constraint", &s.constraint},
      {"gres", &s.gres},
      {"time", &s.time},
      {"until_idle", &s.until_idle},
      {"context", &s.kubernetes.context},
      {"namespace", &s.kubernetes.name_space},
      {"image", &s.kubernetes.image},
      {"memory", &s.memory},
      {"queue", &s.kubernetes.queue},
      {"service_account", &s.kubernetes.service_account},
      {"pods_reach", &s.kubernetes.pods_reach}};
  for (const auto& [key, value] : settings) {
    if (!value->empty()) (*message.mutable_settings())[key] = *value;
  }
  for (const pool::EngineJob& job : agent.jobs()) {
    v1::PoolJob* said = message.add_jobs();
    said->set_id(job.id);
    said->set_name(job.name);
    said->set_state(job.state);
    said->set_reason(job.reason);
    said->set_workers(static_cast<int32_t>(job.workers));
  }
  message.set_trouble(agent.trouble());
  return message;
}

pool::Wanted WantedOf(const v1::SyncPoolResponse& response) {
  pool::Wanted wanted;
  for (const v1::Demand& demand : response.demands())
    wanted.demands.push_back(rpc::DemandOf(demand));
  for (const v1::PoolWorker& worker : response.workers())
    wanted.workers.push_back({worker.id(), worker.ready(), worker.slots_used()});
  return wanted;
}

// One process that serves one pool.
class PoolService {
 public:
  PoolService(const Globals& globals, const pool::Settings& settings, std::string folder,
              const PoolTimes& times)
      : globals_(globals),
        settings_(settings),
        folder_(std::move(folder)),
        engine_(MakeEngine(settings, folder_, times.command_timeout_ms)),
        agent_(settings, {.list_every_ms = ListEveryMs(settings, times)}, Now()) {}

  // Returns when a signal comes or the pool is deleted.
  Result<int> Run(const sigset_t& signals) {
    timespec tick{};
    do {
      if (PathExists(JoinPath(folder_, kDelete)) && !std::exchange(deleting_, true)) {
        agent_.Delete();
      }
      SayNews();
      BRAID_RETURN_IF_ERROR(Sync());
      // A few at a time, so that they are reported to the coordinator and a signal is noticed.
      int steps = 0;
      while (steps < kMostSteps) {
        const auto step = agent_.Next(Now());
        if (!step.has_value()) break;
        Take(*step);
        ++steps;
      }
      if (agent_.deleted()) return Finish();
      tick.tv_sec = steps < kMostSteps ? kSyncMs / 1000 : 0;
    } while (sigtimedwait(&signals, nullptr, &tick) < 0);
    Say(settings_.name,
        settings_.engine == "local"
            ? "its agent ends, and its workers hand back what they run"
            : "its agent ends; workers that run leave when they have nothing to do");
    engine_->Leave();
    return kOkExit;
  }

 private:
  static int64_t Now() { return SystemClock().MonotonicMs(); }

  void Take(const pool::Agent::Step& step) {
    if (std::holds_alternative<pool::Agent::List>(step)) {
      // The time is taken after the answer. Taken before it, a list that lasts longer than the
      // interval between lists would be due again at once, and nothing would be submitted.
      const auto listed = engine_->List();
      agent_.OnListed(listed, Now());
    } else if (const auto* submit = std::get_if<pool::Agent::Submit>(&step)) {
      const pool::Submission submission = engine_->Submit(submit->allocation);
      agent_.OnSubmitted(submit->allocation, submission, Now());
    } else if (const auto* cancel = std::get_if<pool::Agent::Cancel>(&step)) {
      const Status cancelled = engine_->Cancel(cancel->ids, cancel->waiting_only);
      agent_.OnCancelled(*cancel, cancelled, Now());
    }
    SayNews();
  }

  // What happened, in this process's own log.
  void SayNews() {
    for (const pool::Happened& event : agent_.events()) {
      if (event.number > said_) Say(settings_.name, event.what + ": " + event.detail);
      said_ = std::max(said_, event.number);
    }
  }

  Result<v1::SyncPoolResponse> Call(bool deleted) {
    // Where the coordinator is may change with each of its starts.
    BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals_));
    v1::SyncPoolRequest request;
    *request.mutable_pool() = MessageOf(settings_, folder_, agent_);
    request.set_agent_id(agent_id_);
    request.set_deleted(deleted);
    for (const pool::Happened& event : agent_.events()) {
      if (static_cast<size_t>(request.events_size()) == kMostEvents) break;
      v1::PoolEvent* message = request.add_events();
      message->set_number(event.number);
      message->set_what(event.what);
      message->set_detail(event.detail);
    }
    for (const pool::Gone& gone : agent_.gone()) {
      v1::GoneWorker* message = request.add_gone();
      message->set_id(gone.worker);
      message->set_why(gone.why);
    }
    return client.Call<v1::SyncPoolResponse>(&v1::Pools::Stub::SyncPool, client.pools(), request);
  }

  // An error is one that only a person can mend. While the coordinator does not answer, nothing new
  // is wanted.
  Status Sync() {
    const size_t events = std::min(kMostEvents, agent_.events().size());
    const size_t gone = agent_.gone().size();
    const auto response = Call(/*deleted=*/false);
    if (response.ok()) {
      agent_.OnReported(events, gone);
      agent_.OnWanted(WantedOf(*response), Now());
      if (!std::exchange(connected_, true))
        Say(settings_.name, "is served for coordinator " + response->coordinator_id());
      SayDemands(*response);
      return OkStatus();
    }
    agent_.OnUnreachable();
    const StatusCode code = response.status().code();
    if (code == StatusCode::kAlreadyExists || code == StatusCode::kInvalidArgument ||
        code == StatusCode::kPermissionDenied)
      return response.status();
    if (std::exchange(connected_, false) || !std::exchange(complained_, true))
      Say(settings_.name, response.status().message() + "; tried again every second");
    return OkStatus();
  }

  void SayDemands(const v1::SyncPoolResponse& response) {
    std::string text;
    for (const v1::Demand& demand : response.demands()) {
      text += (text.empty() ? "" : ", ") + std::to_string(demand.jobs()) + " of kind " +
              demand.kind() + " (" + demand.reason() + ")";
    }
    if (text != demands_) Say(settings_.name, "jobs that wait: " + (text.empty() ? "none" : text));
    demands_ = text;
  }

  Result<int> Finish() {
    if (const auto told = Call(/*deleted=*/true); !told.ok())
      Say(settings_.name, "the coordinator was not told: " + told.status().message());
    BRAID_RETURN_IF_ERROR(RemoveTree(folder_));
    return kOkExit;
  }

  const Globals& globals_;
  const pool::Settings settings_;
  const std::string folder_;
  const std::string agent_id_ = RandomUuid();
  const std::unique_ptr<pool::Engine> engine_;
  pool::Agent agent_;
  bool connected_ = false, complained_ = false, deleting_ = false;
  int64_t said_ = 0;
  // The demands that were last written to the log.
  std::string demands_;
};

Result<FileLock> LockPool(const std::string& folder, const std::string& name) {
  if (!PathExists(JoinPath(folder, pool::kSettingsFile))) {
    return NotFound("there is no pool " + name + " in " + FolderOf(folder) +
                    ": it is served and deleted in the --dir where it was created (`braid pool "
                    "describe " +
                    name + "` says where)");
  }
  return FileLock::Acquire(JoinPath(folder, kLock));
}

}  // namespace

std::string PoolFolder(const Globals& globals, const std::string& name) {
  return JoinPath(JoinPath(AbsolutePath(globals.dir), kPools), name);
}

Status CreatePool(const Globals& globals, pool::Settings settings, bool check) {
  // 32 random bits keep the pools of one user on one batch system apart.
  constexpr size_t kMarkDigits = 8;
  if (settings.mark.empty()) settings.mark = RandomUuid().substr(0, kMarkDigits);
  BRAID_RETURN_IF_ERROR(pool::Check(settings));
  if (settings.engine == "kubernetes" && settings.kubernetes.context.empty()) {
    settings.kubernetes.context = pool::kubernetes::CurrentContext(settings,
                                                                   PoolTimes().command_timeout_ms);
  }
  const std::string folder = PoolFolder(globals, settings.name);
  if (PathExists(JoinPath(folder, pool::kSettingsFile))) {
    return AlreadyExists("there is a pool " + settings.name + " in " + folder +
                         ": `braid pool delete " + settings.name + "` first");
  }
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(globals.dir));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(folder));
  const Status fits = MakeEngine(settings, folder, PoolTimes().command_timeout_ms)->Check(check);
  if (!fits.ok()) {
    (void)RemoveTree(folder);
    return fits;
  }
  return pool::WriteSettings(folder, settings);
}

Result<int> ServePool(const Globals& globals, const std::string& name, const PoolTimes& times) {
  const std::string folder = PoolFolder(globals, name);
  const Result<FileLock> lock = LockPool(folder, name);
  if (lock.status().code() == StatusCode::kAlreadyExists)
    return AlreadyExists("another process serves pool " + name +
                         ": end that one first, or leave it running");
  BRAID_RETURN_IF_ERROR(lock.status());
  BRAID_ASSIGN_OR_RETURN(const pool::Settings settings, pool::ReadSettings(folder));
  const sigset_t signals = EndSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return PoolService(globals, settings, folder, times).Run(signals);
}

Result<int> DeletePool(const Globals& globals, const std::string& name, const PoolTimes& times) {
  const std::string folder = PoolFolder(globals, name);
  {
    const Result<FileLock> lock = LockPool(folder, name);
    if (lock.status().code() == StatusCode::kNotFound) return lock.status();
    BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, kDelete), ""));
    if (lock.ok()) {
      BRAID_ASSIGN_OR_RETURN(const pool::Settings settings, pool::ReadSettings(folder));
      const sigset_t signals = EndSignals();
      sigprocmask(SIG_BLOCK, &signals, nullptr);
      return PoolService(globals, settings, folder, times).Run(signals);
    }
  }
  // The process that serves it does the work.
  const int64_t end_ms = SystemClock().MonotonicMs() + kDeleteMs;
  while (PathExists(JoinPath(folder, pool::kSettingsFile))) {
    if (SystemClock().MonotonicMs() > end_ms) {
      return DeadlineExceeded("pool " + name + ": its jobs have not ended in " +
                              std::to_string(kDeleteMs / 1000) +
                              " s; the process that serves it goes on with it");
    }
    const timespec pause{0, 200'000'000};
    nanosleep(&pause, nullptr);
  }
  return kOkExit;
}

}  // namespace braid::cli
