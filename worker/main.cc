// braid-worker: runs jobs on this machine for a coordinator. Wires the parts; see
// docs/operating.md.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/hmac.h"
#include "base/host.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/process.h"
#include "base/random.h"
#include "base/state_files.h"
#include "base/text.h"
#include "base/version.h"
#include "storage/bucket/place.h"
#include "task/file_ticket.h"
#include "trace/exporter.h"
#include "trace/settings.h"
#include "worker/attempt/outbox_folder.h"
#include "worker/attempt/task_runner.h"
#include "worker/carrier.h"
#include "worker/flags.h"
#include "worker/io/cache_limit.h"
#include "worker/io/stop_signal.h"
#include "worker/network/address.h"
#include "worker/network/probe.h"
#include "worker/rpc/file_server.h"
#include "worker/rpc/membership.h"
#include "worker/rpc/neighbour_link.h"
#include "worker/rpc/session_link.h"

namespace braid::worker {
namespace {

// In lines of the log.
constexpr char kName[] = "worker";

// EX_CONFIG of sysexits.h: the worker cannot start until somebody changes something, so `braid up`
// does not start it again.
constexpr int kCannotStartExit = 78;
constexpr int kConflictExit = 5;
// How long a stop may take after SIGUSR1. Who warns earlier loses nothing: the worker leaves as
// soon as all is handed back.
constexpr int64_t kWarnedStopMs = 100'000;

// A worker without --kinds is sent jobs of all kinds, and would lose each one whose program it
// lacks.
Status CheckPrograms(const Flags& flags, const std::string& bin) {
  if (!flags.kinds.empty()) return OkStatus();
  for (const char* program : {"braid-prepare", "braid-trainer", "braid-merge", "braid-report"}) {
    const std::string path = JoinPath(bin, program);
    if (access(path.c_str(), X_OK) != 0) {
      return ErrnoStatus(errno, "looking for " + path)
          .Wrap(
              "a task program is missing; --bin names the folder of all, --kinds takes jobs of "
              "some kinds only");
    }
  }
  return OkStatus();
}

// A CUDA_VISIBLE_DEVICES that cannot be understood is fatal only if GPUs were asked for with
// --gpus: otherwise the machine's CPU is still of use.
Result<std::vector<Gpu>> Gpus(const std::string& choice) {
  Result<std::vector<Gpu>> gpus = GpusForWorker(choice);
  if (gpus.ok() || choice != "all") return gpus;
  Log(LogLevel::kWarning, kName, "no GPU is used: " + gpus.status().message());
  return std::vector<Gpu>();
}

// The folder's id, made once: whoever has the folder and its lock is this worker. Empty if the id
// can be neither read nor written, which only means that a restarted worker waits for its
// predecessor's lease.
std::string InstanceOf(const std::string& dir) {
  const std::string path = JoinPath(dir, state_files::kInstance);
  const Result<std::string> there = ReadFile(path);
  if (there.ok() && !there->empty()) return *there;
  const std::string made = RandomUuid();
  return WriteFileAtomic(path, made).ok() ? made : "";
}

// Blocks SIGTERM, SIGINT and SIGUSR1, which WatchSignals waits for. To be called before any thread
// is made, because threads inherit the mask: a signal that is delivered to another thread would
// kill the process.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Waits for signals, and reaps orphans: processes that task programs left behind become children of
// this process (BecomeSubreaper) and would stay zombies. SIGUSR1 is what batch systems send as a
// warning some time before they end a job, so that there is more time than after SIGTERM.
void WatchSignals(const sigset_t& signals, const StopSignal& ended, EventSink& events) {
  const timespec tick{0, 100'000'000};
  while (!ended.IsSet()) {
    const int signal = sigtimedwait(&signals, nullptr, &tick);
    if (signal < 0) {
      (void)ReapOrphans();
    } else {
      events.Post(signal == SIGUSR1 ? StopRequested{kWarnedStopMs} : StopRequested{});
    }
  }
}

// The line of an invitation, from a file or standard input: on a command line others could read it.
Result<rpc::JoinLine> ReadJoinLine(const std::string& path) {
  constexpr uint64_t kMaxBytes = 4096;
  if (path != "-") {
    BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBytes));
    return rpc::ParseJoinLine(text);
  }
  std::string text;
  for (int c = std::getchar(); c != EOF && c != '\n' && text.size() < kMaxBytes; c = std::getchar())
    text += static_cast<char>(c);
  return rpc::ParseJoinLine(text);
}

// Where the coordinator is, for a worker that is told so, that joins now, or that has joined. The
// id and site of a member are those that it joined with.
Result<EndpointSource> FindCoordinator(Flags* flags, const std::string& dir) {
  if (!flags->coordinator.empty() || !flags->address_file.empty()) return FlagSource(*flags);
  std::optional<Membership> member;
  if (!flags->join.empty()) {
    BRAID_ASSIGN_OR_RETURN(const rpc::JoinLine line, ReadJoinLine(flags->join));
    BRAID_ASSIGN_OR_RETURN(member, Join(line, dir, flags->names_itself ? flags->id : ""));
  } else {
    BRAID_ASSIGN_OR_RETURN(member, ReadMembership(dir));
  }
  if (!member.has_value()) {
    return InvalidArgument(
        "give --coordinator HOST:PORT or --address-file FILE, or join with the "
        "line that `braid worker invite` prints: --join -");
  }
  if (flags->names_itself && flags->id != member->worker_id)
    return InvalidArgument("--id " + flags->id + ": this folder's worker has joined as " +
                           member->worker_id);
  if (!member->site.empty() && !flags->site.empty() && flags->site != member->site)
    return InvalidArgument("--site " + flags->site + ": this worker was invited to site " +
                           member->site);
  flags->id = member->worker_id;
  if (!member->site.empty()) flags->site = member->site;
  return SourceOf(*member, dir);
}

Result<FileLock> LockFolder(const std::string& dir) {
  Result<FileLock> lock = FileLock::Acquire(JoinPath(dir, state_files::kWorkerLock));
  if (lock.status().code() == StatusCode::kAlreadyExists) {
    return AlreadyExists("another braid-worker uses " + dir +
                         "; give this one its own --dir (and --id)");
  }
  return lock;
}

Result<Identity> IdentityOf(const Flags& flags, const std::string& dir) {
  Identity identity;
  BRAID_ASSIGN_OR_RETURN(identity.labels, ParseLabels(flags.labels));
  identity.worker_id = flags.id;
  identity.ephemeral = flags.ephemeral;
  identity.boot_id = RandomUuid();
  identity.site = flags.site;
  identity.kinds = flags.kinds;
  identity.cpu_slots = flags.slots > 0 ? flags.slots : UsableCores();
  BRAID_ASSIGN_OR_RETURN(identity.memory_bytes,
                         MemoryForJobs(flags.memory, MachineMemory(LoadSources())));
  BRAID_ASSIGN_OR_RETURN(identity.gpus, Gpus(flags.gpus));
  identity.version = kVersion;
  identity.folder = dir;
  identity.instance = InstanceOf(dir);
  return identity;
}

// What others need to reach ranks of this worker. The listener answers their probes as long as it
// lives; null if the worker advertises nothing.
Result<std::unique_ptr<ProbeListener>> Advertise(const Flags& flags, const std::string& coordinator,
                                                 Identity* identity) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<NetworkAddress> addresses, LocalAddresses());
  BRAID_ASSIGN_OR_RETURN(identity->advertised,
                         ChooseAddress(flags.advertise, coordinator, addresses));
  if (identity->advertised.address.empty()) return std::unique_ptr<ProbeListener>();
  BRAID_ASSIGN_OR_RETURN(identity->probe_key, SecretBytes(32));
  auto listener = ProbeListener::Listen(identity->advertised.address, identity->probe_key);
  if (listener.ok()) {
    identity->probe_port = (*listener)->port();
    return listener;
  }
  // An address that was found, and not given, is only a proposal.
  if (flags.advertise != "auto") return listener.status();
  Log(LogLevel::kWarning, kName, "no address is advertised: " + listener.status().message());
  identity->advertised = {};
  return std::unique_ptr<ProbeListener>();
}

// What it takes to exchange files with workers of the site, as far as it can be had: the worker is
// of use without it. They are served as long as the result lives; null if they are not.
std::unique_ptr<FileServer> ExchangeFiles(const Flags& flags, storage::BlobStore& cache,
                                          Identity* identity, rpc::Certified* own) {
  if (identity->site.empty()) return nullptr;
  const std::string& address = identity->advertised.address;
  const auto missing = [](const std::string& what, const Status& why) {
    Log(LogLevel::kWarning, kName, what + ": " + why.message());
  };
  auto certificate = MakeOwnCertificate(identity->worker_id, address);
  auto key = SecretBytes(task::kTicketKeyBytes);
  if (!certificate.ok() || !key.ok()) {
    missing("no files are exchanged with workers of this site",
            certificate.ok() ? key.status() : certificate.status());
    return nullptr;
  }
  *own = *certificate;
  identity->ticket_key = *key;
  identity->exchange_certificate = own->certificate;
  if (address.empty() || flags.serve_files != "yes") return nullptr;
  auto server = FileServer::Start(address, *own, *key, cache);
  if (!server.ok()) {
    missing("workers of this site fetch nothing from here", server.status());
    return nullptr;
  }
  identity->file_port = (*server)->port();
  return *std::move(server);
}

void SayWhereRanksMeet(const Identity& identity) {
  if (identity.advertised.address.empty()) {
    Log(LogLevel::kInfo, kName, "no address is advertised: ranks meet those of this host only");
  } else {
    Log(LogLevel::kInfo, kName,
        "ranks meet those of other hosts at " + identity.advertised.ToString() +
            "; probes are answered at port " + std::to_string(identity.probe_port) +
            (identity.file_port == 0 ? ""
                                     : ", and workers of this site fetch files at port " +
                                           std::to_string(identity.file_port)));
  }
}

// Runs the agent until it finishes.
Status RunAgent(const EndpointSource& source, const sigset_t& signals, const Identity& identity,
                const ProgramContext& programs, const std::vector<KeptRank>& kept,
                uint64_t cache_limit, const StayLimits& stay, storage::BlobStore& cache,
                const rpc::Certified& own, trace::SpanSink* spans) {
  RpcLink link(source, identity.worker_id, {.ca_file = storage::Environment()("AWS_CA_BUNDLE")});
  RpcNeighbourLink neighbour_link(link, identity.worker_id, own);
  Neighbours neighbours(neighbour_link, SystemClock());
  std::optional<CertificateKeeper> keeper;
  if (!source.certificate_file.empty()) keeper.emplace(link, identity.folder);
  std::vector<std::string> gpus;
  for (const Gpu& gpu : identity.gpus) gpus.push_back(gpu.uuid);
  AgentLoop loop(
      {identity.boot_id, gpus, kept, identity.worker_id, cache_limit, stay, identity.ephemeral},
      SystemClock());
  StopSignal ended;
  std::thread watcher([&] { WatchSignals(signals, ended, loop); });
  Log(LogLevel::kInfo, kName,
      "worker " + identity.worker_id + " (" + std::to_string(identity.cpu_slots) + " slots, " +
          std::to_string(identity.gpus.size()) + " GPUs, " +
          FormatBytes(static_cast<uint64_t>(identity.memory_bytes)) + " of memory) in " +
          identity.folder);
  for (const Gpu& gpu : identity.gpus)
    Log(LogLevel::kInfo, kName, "GPU " + gpu.uuid + " (" + gpu.name + ")");
  SayWhereRanksMeet(identity);
  Status status;
  {
    LoadWatch load(gpus);
    RpcSessionLink session(identity, link, loop, &load);
    TaskRunner runner(programs, loop);
    const bool exchanges = !identity.exchange_certificate.empty();
    MachineWork work(link, cache, programs.folder, exchanges ? &neighbours : nullptr);
    MachineCarrier carrier(session, runner, work, loop, spans);
    status = loop.Run(carrier);
  }
  ended.Set();
  watcher.join();
  return status;
}

// An ephemeral worker leaves no folder behind that it has made, unless something is in it that the
// coordinator does not have.
void RemoveOwnFolder(const std::string& dir) {
  const Result<std::vector<KeptRank>> kept = RecoverRanks(dir);
  if (!kept.ok() || !kept->empty()) {
    Log(LogLevel::kWarning, kName,
        dir +
            " stays: the coordinator does not have all that was made there; a braid-worker with "
            "this --dir and the same --id delivers it");
    return;
  }
  if (const Status removed = RemoveTree(dir); !removed.ok())
    Log(LogLevel::kWarning, kName, dir + " stays: " + removed.message());
}

// Calls RemoveOwnFolder at the end, however that comes.
struct OwnFolder {
  ~OwnFolder() {
    if (!dir.empty()) RemoveOwnFolder(dir);
  }
  std::string dir;  // empty: the folder stays
};

// `started` is set once every cause of failure that another start would meet again is behind.
Status Run(Flags flags, bool* started) {
  BRAID_RETURN_IF_ERROR(CheckFlags(flags));
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> data_roots, DataRoots(flags.data_roots));
  BRAID_RETURN_IF_ERROR(ParseLabels(flags.labels).status());
  BRAID_ASSIGN_OR_RETURN(const StayLimits stay, LimitsOf(flags));
  const std::string bin = flags.bin.empty() ? ProgramFolder() : flags.bin;
  BRAID_RETURN_IF_ERROR(CheckPrograms(flags, bin));
  const bool made_folder = !IsFolder(flags.dir);
  BRAID_RETURN_IF_ERROR(MakeStateFolder(
      flags.dir, {state_files::kWorkerLock, state_files::kInstance + std::string("*"),
                  state_files::kCache, state_files::kRanks, state_files::kArtifacts,
                  state_files::kOutbox, state_files::kDamaged, state_files::kTls}));
  const std::string dir = AbsolutePath(flags.dir);
  BRAID_ASSIGN_OR_RETURN(const uint64_t cache_limit, CacheLimitOf(flags.cache_limit, dir));
  BRAID_ASSIGN_OR_RETURN(const FileLock lock, LockFolder(dir));
  const OwnFolder own{flags.ephemeral && made_folder ? dir : ""};
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(dir, state_files::kArtifacts)));
  BRAID_ASSIGN_OR_RETURN(const std::vector<KeptRank> kept, RecoverRanks(dir));
  BRAID_ASSIGN_OR_RETURN(const auto cache,
                         storage::BlobStore::Open(JoinPath(dir, state_files::kCache)));
  // Before the first thread, which is one of gRPC's: threads inherit the mask.
  const sigset_t signals = BlockStopSignals();
  BRAID_ASSIGN_OR_RETURN(const EndpointSource source, FindCoordinator(&flags, dir));
  BRAID_ASSIGN_OR_RETURN(Identity identity, IdentityOf(flags, dir));
  BRAID_ASSIGN_OR_RETURN(const auto listener, Advertise(flags, source.address, &identity));
  rpc::Certified certified;
  const auto files = ExchangeFiles(flags, *cache, &identity, &certified);
  BecomeSubreaper();
  *started = true;
  const int32_t gpu_threads = ThreadsOfGpuJob(identity.cpu_slots, identity.gpus.size());
  // Its end sends the last spans.
  const auto spans = trace::MakeExporter(
      trace::ReadSettings("braid-worker", trace::ProcessResource(identity.worker_id)),
      [](const std::string& line) { Log(LogLevel::kWarning, kName, line); });
  return RunAgent(source, signals, identity,
                  {dir, bin, gpu_threads, data_roots, flags.fetch_from, identity.advertised,
                   spans != nullptr, *FromName<LogFormat>(flags.log_format)},
                  kept, cache_limit, stay, *cache, certified, spans.get());
}

int Main(int argc, char** argv) {
  // A child of this process calls exec at once and uses no gRPC, so gRPC need not stop its threads
  // for each fork.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  // Errors are logged once, by this program; gRPC would log each attempt.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is then the error that a full disk is, also in
                             // task programs
  // A log that nobody reads any more, as behind a closed ssh, is no reason to end; neither is a
  // program that ends while it is written to. Programs that this one starts have the default again.
  signal(SIGPIPE, SIG_IGN);
  CLI::App app("Runs braid's jobs on this machine.");
  Flags flags;
  flags.id = HostName();
  const CLI::Option* id = AddOptions(&app, &flags);
  app.set_version_flag("--version", kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  SetLogFormat(*FromName<LogFormat>(flags.log_format));
  flags.names_itself = id->count() > 0;
  if (flags.ephemeral && !flags.names_itself) flags.id += "-" + RandomUuid().substr(0, 8);
  KeepToOneself();
  RaiseDescriptorLimit();  // each connection of other workers and each file that they read is one
  bool started = false;
  const Status status = Run(flags, &started);
  if (status.ok()) return 0;
  Log(LogLevel::kError, kName, status.message());
  if (status.Is(ErrorReason::kWorkerReplaced) || status.code() == StatusCode::kAlreadyExists)
    return kConflictExit;
  return started ? 1 : kCannotStartExit;
}

}  // namespace
}  // namespace braid::worker

int main(int argc, char** argv) {
  return braid::GuardedMain("braid-worker", braid::worker::Main, argc, argv);
}
