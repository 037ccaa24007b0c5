// braid-coordinator: wires the catalog, the blob store, the core loop and the servers, and waits
// for a signal.
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/host.h"
#include "base/json.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/process.h"
#include "base/random.h"
#include "base/state_files.h"
#include "base/text.h"
#include "base/version.h"
#include "coordinator/access/quota_file.h"
#include "coordinator/alerts/alert_center.h"
#include "coordinator/api/blob_copier.h"
#include "coordinator/api/event_log.h"
#include "coordinator/bulk/curves.h"
#include "coordinator/certificate.h"
#include "coordinator/core/core.h"
#include "coordinator/core/pass.h"
#include "coordinator/flags.h"
#include "coordinator/http/http.h"
#include "coordinator/services/server.h"
#include "coordinator/services/services.h"
#include "rpc/tls/authority.h"
#include "storage/bucket/bucket_store.h"
#include "storage/catalog/catalog.h"
#include "trace/exporter.h"
#include "trace/settings.h"

namespace {

using namespace braid;               // NOLINT: main only wires
using namespace braid::coordinator;  // NOLINT

// In lines of the log.
constexpr char kName[] = "coordinator";

// The program could not begin, and will not until somebody changes something: braid up does not
// start it again.
constexpr int kCannotStartExit = 78;  // EX_CONFIG of sysexits.h
constexpr int kFolderInUseExit = 5;

// At the end of the loop, callers get up to 5 s for their last answers. Readiness is published
// twice a second; certificates last for months, so an hourly check is enough for their renewal.
constexpr int kFatalExit = 1;
constexpr int64_t kLastWordsMs = 5'000;
constexpr int64_t kTickMs = 20;
constexpr int kHealthMs = 500;
constexpr int64_t kRenewMs = 2'000;

int wake_fd = -1;
void OnSignal(int) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd, &one, sizeof one);
}

std::string RunId() {
  std::string hex;
  for (const char c : RandomUuid()) {
    if (c != '-') hex += c;
  }
  return "r-" + hex.substr(0, 12);
}

// SQLite's locks and WAL are not to be trusted on network file systems.
Status RefuseNetworkFolder(const std::string& dir) {
  struct statfs info{};
  if (statfs(dir.c_str(), &info) != 0) return OkStatus();
  // Magic numbers from linux/magic.h; those of SMB are not in all of its versions.
  constexpr int64_t kNfs = 0x6969, kFuse = 0x65735546, kSmb2 = 0xFE534D42, kCifs = 0xFF534D42;
  const auto type = static_cast<int64_t>(static_cast<uint32_t>(info.f_type));
  if (type != kNfs && type != kFuse && type != kSmb2 && type != kCifs) return OkStatus();
  return FailedPrecondition(
      "folder " + dir +
      " is on a network file system, which cannot hold the catalog: choose a local "
      "one with --dir");
}

std::string TokenFile(const Flags& flags) {
  return AbsolutePath(JoinPath(flags.dir, state_files::kToken));
}

// Where programs of this machine reach a server that listens on all of its addresses.
std::string LocalAddress(const std::string& address) {
  const std::string_view host = HostOf(address);
  if (host != "0.0.0.0" && host != "[::]") return address;
  return "127.0.0.1" + address.substr(host.size());
}

Status WriteAddresses(const Flags& flags, const Server& server, const HttpServer& http,
                      const ServersTls& tls) {
  if (flags.address_file.empty()) return OkStatus();
  // Below the folder of the address file its name is relative: all of it may be moved, and may have
  // a name that is not UTF-8.
  const std::string home = AbsolutePath(FolderOf(flags.address_file)) + "/";
  const auto relative = [&home](const std::string& path) {
    return path.starts_with(home) ? path.substr(home.size()) : path;
  };
  Json addresses = {{"grpc", LocalAddress(server.address())},
                    {"http", LocalAddress(http.address())},
                    {"pid", getpid()},
                    {"token_file", relative(TokenFile(flags))}};
  // Each of the two speaks TLS where an authority is named for it.
  for (const auto& [begin, files] : {std::pair("", &tls.grpc), std::pair("http_", &tls.http)}) {
    if (!files->has_value()) continue;
    addresses[begin + std::string("ca_file")] = relative(AbsolutePath((*files)->trust));
    addresses[begin + std::string("ca_sha256")] = (*files)->trust_sha256;
  }
  if (const std::string name = HttpName(tls); !name.empty()) addresses["http_name"] = name;
  return WriteFileAtomic(flags.address_file,
                         addresses.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Until a signal, or until the loop has ended. Meanwhile health says whether the coordinator still
// waits for its workers, `look` is called every now and then, and `renew` more rarely.
void WaitForSignal(Core* core, Server* server, const std::function<void()>& look,
                   const std::function<void()>& renew) {
  pollfd wake{wake_fd, POLLIN, 0};
  int64_t renew_ms = SystemClock().MonotonicMs() + kRenewMs;
  do {
    if (SystemClock().MonotonicMs() >= renew_ms) {
      renew_ms = SystemClock().MonotonicMs() + kRenewMs;
      renew();
    }
    bool recovering = false;
    const Status asked = core->Query([&](const State& state) {
      recovering = Recovering(state, core->options(), core->options().clock->MonotonicMs());
    });
    if (asked.ok()) server->SetReady(!recovering);
    look();
  } while (poll(&wake, 1, kHealthMs) <= 0 || (wake.revents & POLLIN) == 0);
}

// The stores in the coordinator's folder, and the lock that keeps other processes out while this
// lives.
struct Stores {
  FileLock lock;
  std::string token;
  std::optional<rpc::Authority> authority;
  ServersTls tls;
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<std::atomic<bool>> stopping;   // ends what is asked of the bucket
  std::unique_ptr<storage::BucketStore> bucket;  // null: there is none
  std::unique_ptr<storage::BlobStore> blobs;
  std::unique_ptr<AppendFiles> logs;
  std::unique_ptr<AppendFiles> metrics;
  std::unique_ptr<CurveCache> curves;
  std::string scratch;
};

Result<FileLock> LockFolder(const std::string& dir) {
  BRAID_RETURN_IF_ERROR(MakeStateFolder(
      dir, {state_files::kCatalog + std::string("*"), state_files::kStore, state_files::kJobLogs,
            state_files::kJobMetrics, state_files::kScratch, state_files::kCoordinatorLock,
            state_files::kToken, state_files::kTls, state_files::kAlerts}));
  BRAID_RETURN_IF_ERROR(RefuseNetworkFolder(dir));
  auto lock = FileLock::Acquire(JoinPath(dir, state_files::kCoordinatorLock));
  if (lock.status().code() != StatusCode::kAlreadyExists) return lock;
  return lock.status().Wrap("another braid-coordinator uses " + dir +
                            ": stop it, or choose another --dir");
}

// The bucket of --blobs, where blobs go from now on.
Status AttachBucket(const Flags& flags, Stores* stores) {
  const std::string folder = JoinPath(flags.dir, state_files::kStore);
  BRAID_ASSIGN_OR_RETURN(const std::string attached, storage::BlobStore::RemoteNameOf(folder));
  if (flags.blobs.empty() && attached.empty()) return OkStatus();
  if (flags.blobs.empty())
    return FailedPrecondition("the blobs of " + flags.dir +
                              " are in a bucket: start with --blobs " + attached +
                              ", and the endpoint if it is not of AWS");
  storage::BucketOptions options{.stop = stores->stopping.get()};
  BRAID_ASSIGN_OR_RETURN(storage::BucketPlace place,
                         storage::ParseBucket(flags.blobs, options.variables));
  options.part_bytes = place.part_bytes;
  // A machine that does not answer now may do so later, as a bucket may.
  const Status key = storage::FindAnyKey(options.variables, place.region).status();
  if (key.code() != StatusCode::kUnavailable) BRAID_RETURN_IF_ERROR(key);
  const std::string parts = JoinPath(folder, storage::BlobStore::kPartsFolder);
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(parts));
  stores->bucket = std::make_unique<storage::BucketStore>(std::move(place), parts, options);
  return stores->blobs->Attach(stores->bucket.get(), stores->catalog->id());
}

Result<Stores> OpenStores(const Flags& flags) {
  BRAID_ASSIGN_OR_RETURN(FileLock lock, LockFolder(flags.dir));
  Stores stores{std::move(lock)};
  BRAID_ASSIGN_OR_RETURN(stores.token, MakeTokenFile(TokenFile(flags)));
  BRAID_ASSIGN_OR_RETURN(stores.authority, AuthorityOf(flags));
  BRAID_RETURN_IF_ERROR(ReadTls(flags, stores.authority, &stores.tls));
  BRAID_ASSIGN_OR_RETURN(stores.catalog,
                         catalog::Catalog::Open({JoinPath(flags.dir, state_files::kCatalog), 0}));
  BRAID_ASSIGN_OR_RETURN(stores.blobs,
                         storage::BlobStore::Open(JoinPath(flags.dir, state_files::kStore)));
  stores.stopping = std::make_unique<std::atomic<bool>>(false);
  BRAID_RETURN_IF_ERROR(AttachBucket(flags, &stores));
  BRAID_ASSIGN_OR_RETURN(stores.logs,
                         AppendFiles::Open(JoinPath(flags.dir, state_files::kJobLogs)));
  BRAID_ASSIGN_OR_RETURN(stores.metrics,
                         AppendFiles::Open(JoinPath(flags.dir, state_files::kJobMetrics)));
  stores.curves = std::make_unique<CurveCache>(stores.metrics.get());
  stores.scratch = JoinPath(flags.dir, state_files::kScratch);
  BRAID_RETURN_IF_ERROR(RemoveTree(stores.scratch));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(stores.scratch));
  return stores;
}

// `quotas` and `dice` outlive the core.
Options OptionsOf(const Flags& flags, const Stores& stores, const QuotaTable* quotas,
                  std::mt19937_64* dice) {
  Options options;
  options.store = stores.catalog.get();
  options.clock = &SystemClock();
  options.uniform = [dice] { return std::uniform_real_distribution<double>(0, 1)(*dice); };
  options.run_id = RunId;
  options.site = flags.site;
  options.network = LoopbackName();
  options.lease.heartbeat_interval_ms = flags.heartbeat_interval_ms;
  options.lease.ttl_ms = flags.ttl_ms;
  options.lease.disconnect_grace_ms = flags.grace_ms;
  options.lease.recovery_ms = flags.recovery_ms;
  options.gang_patience_ms = flags.gang_patience_ms;
  options.health.failures = flags.quarantine_after;
  options.preempt = flags.preempt;
  options.preempt_grace_ms = flags.preempt_grace_ms;
  options.quotas = quotas;
  options.keep_checkpoints = flags.keep_checkpoints == "all" ? -1
                                                             : std::stoll(flags.keep_checkpoints);
  return options;
}

// The backend of the API, from options and stores.
void FillBackend(const Flags& flags, const Stores& stores, Backend* backend) {
  backend->store = stores.catalog.get();
  backend->blobs = stores.blobs.get();
  backend->logs = stores.logs.get();
  backend->metrics = stores.metrics.get();
  backend->curves = stores.curves.get();
  backend->scratch = stores.scratch;
  backend->garbage_grace_ms = flags.gc_grace_ms;
  backend->garbage_interval_ms = flags.gc_interval_ms;
  backend->keep_events_ms = flags.keep_events_days * 86'400'000;
  backend->rate_limits = flags.rates;
  backend->keep_audit_ms = flags.keep_audit_days * 86'400'000;
  backend->version = kVersion;
  backend->coordinator_id = stores.catalog->id();
  backend->token = stores.token;
  backend->token_file = TokenFile(flags);
  backend->tls = stores.tls.grpc;
  backend->authority = stores.authority.has_value() ? &*stores.authority : nullptr;
  backend->https = stores.tls.http.has_value();
  backend->join_host = JoinHost(flags);
  backend->worker_certificate_ms = flags.worker_certificate_s * 1000;
}

// Runs the loop until it ends. If it fails, waiting callers get an answer. The servers get a moment
// to send it, until they have `served`; then this process ends in any case, so that the next one
// (braid up starts it) loads what is on the disk.
void RunLoop(Core* core, const std::atomic<bool>& served, Status* status) {
  *status = core->Run();
  OnSignal(0);
  if (status->ok()) return;
  Log(LogLevel::kError, kName, status->message());
  for (int64_t waited = 0; waited < kLastWordsMs && !served; waited += kTickMs)
    std::this_thread::sleep_for(std::chrono::milliseconds(kTickMs));
  if (!served) _exit(kFatalExit);
}

HttpServer::Options HttpOptionsOf(const Flags& flags, const Stores& stores, const Backend& backend,
                                  Server* server) {
  return {flags.http,
          HttpHosts(flags, stores.tls),
          [server](std::string_view method, bool sent, std::string_view given) {
            rpc::Caller caller{method, {}, ""};
            if (sent) caller.tokens.push_back(given);
            return server->Check(caller);
          },
          [access = backend.access.get()](const std::string& certificate) {
            return access->TokenFor(certificate);
          },
          server->json_calls(),
          backend.curves,
          backend.reader,
          stores.tls.http,
          &backend.call_durations,
          backend.spans,
          flags.http_strict_days,
          &backend.loads};
}

// Serves until a signal or the end of the loop. `serving` is set once it does: an error before that
// will be the same at the next try.
Status ServeUntilSignal(const Flags& flags, const Stores& stores, const Backend& backend,
                        Server* server, const std::function<void()>& look, bool* serving) {
  Core* const core = backend.core;
  auto http = HttpServer::Start(HttpOptionsOf(flags, stores, backend, server), core);
  Status status = http.status();
  if (status.ok()) status = WriteAddresses(flags, *server, **http, stores.tls);
  if (status.ok()) {
    *serving = true;
    Log(LogLevel::kInfo, kName,
        "coordinator " + stores.catalog->id() + " serves gRPC on " + server->address() +
            (stores.tls.grpc.has_value()
                 ? " (TLS, authority sha256:" + stores.tls.grpc->trust_sha256 + ")"
                 : "") +
            ", " + (stores.tls.http.has_value() ? "HTTPS" : "HTTP") + " on " + (*http)->address() +
            ", state in " + flags.dir +
            (stores.bucket != nullptr ? ", blobs in " + stores.bucket->Name() : ""));
    // A certificate of the authority that comes near its end is made anew, and so is what clients
    // are told of one that was replaced; the servers find the files themselves.
    const auto renew = [&, tls = stores.tls, said = std::string()]() mutable {
      const std::string before = TrustOf(tls);
      Status wrong = ReadTls(flags, stores.authority, &tls);
      if (TrustOf(tls) != before) {
        const Status written = WriteAddresses(flags, *server, **http, tls);
        if (wrong.ok()) wrong = written;
      }
      if (!wrong.ok() && wrong.message() != said) Log(LogLevel::kError, kName, wrong.message());
      said = wrong.message();
    };
    WaitForSignal(core, server, look, renew);
    Log(LogLevel::kInfo, kName, "stopping");
  }
  *stores.stopping = true;  // nobody waits for a bucket from now on
  if (backend.alerts != nullptr) backend.alerts->Halt();
  if (http.ok()) (*http)->Stop();
  server->Stop();
  return status;
}

// The sender of alerts; null if no alerts are configured.
Result<std::unique_ptr<AlertCenter>> AlertsOf(const Flags& flags, const Stores& stores,
                                              const catalog::Reader* reader, Core* core) {
  if (flags.alerts.empty()) return std::unique_ptr<AlertCenter>();
  BRAID_ASSIGN_OR_RETURN(alert::Settings settings, alert::ReadSettings(flags.alerts));
  return AlertCenter::Create(std::move(settings), AbsolutePath(flags.dir), stores.catalog->id(),
                             stores.catalog.get(), reader, core);
}

Status Serve(const Flags& flags, bool* serving) {
  BRAID_RETURN_IF_ERROR(CheckFlags(flags));
  BRAID_ASSIGN_OR_RETURN(const Stores stores, OpenStores(flags));
  const trace::Settings traces = trace::ReadSettings("braid-coordinator",
                                                     trace::ProcessResource(stores.catalog->id()));
  // It outlives all that makes spans, and sends the last of them at the end.
  const auto spans = trace::MakeExporter(
      traces, [](const std::string& line) { Log(LogLevel::kWarning, kName, line); });
  QuotaTable quotas;
  QuotaFile quota_file(flags.quotas);
  if (Status why;
      !flags.quotas.empty() && quota_file.Look(&quotas, &why) == QuotaFile::News::kRefused)
    return why;
  std::mt19937_64 dice{std::random_device{}()};
  Options core_options = OptionsOf(flags, stores, &quotas, &dice);
  core_options.spans = spans.get();
  core_options.sampler = traces.sampler;
  BRAID_ASSIGN_OR_RETURN(const auto core, Core::Create(core_options));
  catalog::Reader reader(JoinPath(flags.dir, state_files::kCatalog));
  BRAID_ASSIGN_OR_RETURN(auto alerts, AlertsOf(flags, stores, &reader, core.get()));
  Status core_status;
  std::atomic<bool> served{false};
  std::thread loop([&] { RunLoop(core.get(), served, &core_status); });
  RendezvousTable rendezvous;
  Backend backend;
  backend.core = core.get();
  backend.reader = &reader;
  backend.rendezvous = &rendezvous;
  backend.alerts = alerts.get();
  backend.spans = spans.get();
  FillBackend(flags, stores, &backend);
  std::optional<EventLog> event_log;
  if (*FromName<LogFormat>(flags.log_format) == LogFormat::kJson)
    event_log.emplace(stores.catalog.get(), core.get());
  std::unique_ptr<BlobCopier> copier;
  if (stores.bucket != nullptr) {
    copier = std::make_unique<BlobCopier>(
        stores.blobs.get(), stores.bucket.get(),
        static_cast<uint64_t>(ParseBytes(flags.blobs_cache).value()));
    copier->Start();
    backend.copier = copier.get();
  }
  // Before anybody can ask for them.
  if (alerts != nullptr) alerts->Start();
  // It outlives the loop, in whose thread the last calls end.
  auto server = Server::Start(flags.listen, &backend);
  const auto look = [&] { quota_file.Tend(&quotas, core.get()); };
  const Status status = server.ok()
                            ? ServeUntilSignal(flags, stores, backend, server->get(), look, serving)
                            : server.status();
  served = true;
  *stores.stopping = true;
  if (copier != nullptr) copier->Stop();
  if (alerts != nullptr) alerts->Stop();
  event_log.reset();
  core->Stop();
  loop.join();
  return status.ok() ? core_status : status;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"braid-coordinator: schedules jobs on workers and keeps every fact",
               "braid-coordinator"};
  AddOptions(&app, &flags);
  app.set_version_flag("--version", kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  SetLogFormat(*FromName<LogFormat>(flags.log_format));
  wake_fd = eventfd(0, EFD_CLOEXEC);
  struct sigaction action{};
  action.sa_handler = OnSignal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is then the error that a full disk is

  KeepToOneself();
  RaiseDescriptorLimit();  // each connection and each log that is read is a descriptor
  bool serving = false;
  const Status status = Serve(flags, &serving);
  if (status.ok()) return 0;
  Log(LogLevel::kError, kName, status.message());
  if (serving) return 1;
  return status.code() == StatusCode::kAlreadyExists ? kFolderInUseExit : kCannotStartExit;
}

}  // namespace

int main(int argc, char** argv) {
  return GuardedMain("braid-coordinator", Main, argc, argv);
}
