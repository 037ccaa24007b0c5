// braid-worker: runs jobs on this machine for a coordinator. Wires the parts; see docs/operating.md.
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "base/file.h"
#include "base/process.h"
#include "base/random.h"
#include "base/text.h"
#include "base/version.h"
#include "worker/rpc/session.h"

namespace braid::worker {
namespace {

constexpr int64_t kStopMs = 25'000;
constexpr int64_t kAnnounceMs = 1'000;

struct Flags {
  std::string coordinator, address_file, dir, id, site, bin;
  std::vector<std::string> labels, kinds;
  int32_t slots = 0;
};

Status CheckLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  if (host == "127.0.0.1" || host == "localhost" || host == "[::1]") return OkStatus();
  return InvalidArgument("--coordinator " + address + ": this version speaks without TLS and only on the loopback interface; "
                         "tunnel to it (ssh -L) for now");
}

Result<std::map<std::string, std::string>> ParseLabels(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return InvalidArgument("--label " + text + ": expected key=value");
    labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return labels;
}

// Made once in the worker's folder: whoever has the folder, and its lock, is this worker. Empty if it can be neither read nor kept.
std::string InstanceOf(const std::string& dir) {
  const std::string path = JoinPath(dir, "instance");
  const Result<std::string> there = ReadFile(path);
  if (there.ok() && !there->empty()) return *there;
  const std::string made = RandomUuid();
  return WriteFileAtomic(path, made).ok() ? made : "";
}

Status Run(const Flags& flags) {
  if (flags.coordinator.empty() == flags.address_file.empty()) {
    return InvalidArgument("give either --coordinator HOST:PORT or --address-file FILE");
  }
  if (!flags.coordinator.empty()) BRAID_RETURN_IF_ERROR(CheckLoopback(flags.coordinator));
  Identity identity;
  BRAID_ASSIGN_OR_RETURN(identity.labels, ParseLabels(flags.labels));
  BRAID_RETURN_IF_ERROR(MakeFolder(flags.dir));
  const std::string dir = AbsolutePath(flags.dir);
  Result<FileLock> lock = FileLock::Acquire(JoinPath(dir, "worker.lock"));
  if (!lock.ok()) return AlreadyExists("another braid-worker uses " + dir + "; give this one its own --dir (and --id)");
  BRAID_RETURN_IF_ERROR(CleanUpRanks(dir));
  BRAID_ASSIGN_OR_RETURN(const auto cache, storage::BlobStore::Open(JoinPath(dir, "cache")));
  identity.worker_id = flags.id;
  identity.boot_id = RandomUuid();
  identity.site = flags.site;
  identity.kinds = flags.kinds;
  identity.cpu_slots = flags.slots > 0 ? flags.slots : UsableCores();
  identity.gpus = FindGpus();
  identity.version = kVersion;
  identity.folder = dir;
  identity.instance = InstanceOf(dir);
  BecomeSubreaper();

  // Signals are waited for in a thread of their own; every thread made later inherits the mask.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  StopSignal stop;
  StopSignal session_stop;
  RpcLink link(Address(flags.coordinator, flags.address_file), identity.worker_id, identity.boot_id);
  Supervisor supervisor({&link, cache.get(), dir, flags.bin.empty() ? ProgramFolder() : flags.bin}, identity.gpus);
  std::thread watcher([&] {
    const timespec tick{0, 100'000'000};
    while (!stop.IsSet()) {
      if (sigtimedwait(&signals, nullptr, &tick) < 0) {
        (void)ReapOrphans();  // what a task program left behind
        continue;
      }
      spdlog::info("stopping: what runs gets {} s for a checkpoint", kStopMs / 1000);
      supervisor.Drain();
      supervisor.WaitDrainAnnounced(kAnnounceMs);
      supervisor.StopAll(kStopMs);
      session_stop.Set();
      return;
    }
  });
  spdlog::info("worker {} ({} slots, {} GPUs) in {}", identity.worker_id, identity.cpu_slots, identity.gpus.size(), dir);
  const Status status = RunSession(identity, link, supervisor, session_stop);
  stop.Set();
  watcher.join();
  return status;
}

int Main(int argc, char** argv) {
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("worker"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %n: %v", spdlog::pattern_time_type::utc);
  spdlog::flush_on(spdlog::level::info);
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is then the error that a full disk is, also in task programs
  CLI::App app("Runs braid's jobs on this machine.");
  Flags flags;
  char host[256] = "worker";
  gethostname(host, sizeof host - 1);
  flags.id = host;
  app.add_option("--coordinator", flags.coordinator, "HOST:PORT of the coordinator");
  app.add_option("--address-file", flags.address_file, "file in which the coordinator writes its address");
  app.add_option("--dir", flags.dir, "folder for the cache and running jobs")->required();
  app.add_option("--id", flags.id, "name of this worker, stable across restarts")->capture_default_str();
  app.add_option("--site", flags.site, "where this machine is: corpora with this site are read here");
  app.add_option("--label", flags.labels, "key=value, for people");
  app.add_option("--slots", flags.slots, "CPU slots (default: usable cores)")->check(CLI::Range(1, 4096));
  app.add_option("--kinds", flags.kinds, "run only jobs of these kinds")->delimiter(',');
  app.add_option("--bin", flags.bin, "folder of braid-trainer and the other task programs (default: beside this one)");
  app.set_version_flag("--version", kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const Status status = Run(flags);
  if (status.ok()) return 0;
  spdlog::error("{}", status.message());
  return status.reason() == "WORKER_REPLACED" || status.code() == StatusCode::kAlreadyExists ? 5 : 1;
}

}  // namespace
}  // namespace braid::worker

int main(int argc, char** argv) { return braid::worker::Main(argc, argv); }
