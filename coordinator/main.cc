// braid-coordinator: wires the catalog, the blob store, the core loop and the servers, and waits
// for a signal.
#include <poll.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/host.h"
#include "base/json.h"
#include "base/private_folder.h"
#include "base/random.h"
#include "base/state_files.h"
#include "base/version.h"
#include "coordinator/core/core.h"
#include "coordinator/core/pass.h"
#include "coordinator/http/http.h"
#include "coordinator/services/server.h"
#include "coordinator/services/services.h"
#include "rpc/tls/authority.h"
#include "storage/catalog/catalog.h"

namespace {

using namespace braid;               // NOLINT: main only wires
using namespace braid::coordinator;  // NOLINT

// The program could not begin, and will not until somebody changes something: braid up does not
// start it again.
constexpr int kCannotStartExit = 78;  // EX_CONFIG of sysexits.h
constexpr int kFolderInUseExit = 5;

struct Flags {
  std::string dir;
  std::vector<std::string> http_hosts;
  std::string listen = "127.0.0.1:0";
  std::string http = "127.0.0.1:0";
  std::string address_file;
  bool tls = false;
  std::vector<std::string> tls_names;
  std::string tls_certificate, tls_key;
  int64_t worker_certificate_s = int64_t{90} * 86'400;
  std::string site = "local";
  int64_t heartbeat_interval_ms = 2000;
  int64_t ttl_ms = 15'000;
  int64_t grace_ms = 900'000;
  int64_t gang_patience_ms = 30'000;
  std::string keep_checkpoints = "3";
  int64_t keep_events_days = 90;
  int64_t keep_audit_days = 365;
  RateLimits rates;
  int64_t gc_grace_ms = 900'000;
  int64_t gc_interval_ms = 300'000;
};

constexpr int kFatalExit = 1;
constexpr int64_t kLastWordsMs = 5'000;
constexpr int64_t kTickMs = 20;
constexpr int kHealthMs = 500;
constexpr int64_t kRenewMs = 3'600'000;

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

// Each connection and each log that is read is a descriptor; the usual soft limit of 1,024 is none
// of ours.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

// Where programs of this machine reach a server that listens on all of its addresses.
std::string LocalAddress(const std::string& address) {
  const std::string_view host = HostOf(address);
  if (host != "0.0.0.0" && host != "[::]") return address;
  return "127.0.0.1" + address.substr(host.size());
}

// Where workers of other machines reach this server, as far as is known here: by the first name
// that was given, else by the address, else by one of this machine's.
std::string JoinHost(const Flags& flags) {
  const std::string host(HostOf(flags.listen));
  if (!flags.tls_names.empty()) return flags.tls_names.front();
  if (host != "0.0.0.0" && host != "[::]") return host;
  for (const std::string& name : rpc::ServerNames(flags.listen, {})) {
    if (name.find_first_not_of("0123456789.") == std::string::npos && !IsLoopbackHost(name))
      return name;
  }
  return "127.0.0.1";
}

bool WantsTls(const Flags& flags) {
  return flags.tls || !flags.tls_names.empty() || !flags.tls_certificate.empty() ||
         !IsLoopbackHost(HostOf(flags.listen));
}

Status CheckFlags(const Flags& flags) {
  if (flags.listen.rfind(':') == std::string::npos)
    return InvalidArgument("--listen " + flags.listen + " has no port: " + flags.listen +
                           ":0 takes a free one");
  if (flags.tls_certificate.empty() != flags.tls_key.empty())
    return InvalidArgument("--tls-cert and --tls-key belong together: give both or none");
  if (!flags.tls_certificate.empty() && !flags.tls_names.empty())
    return InvalidArgument(
        "--tls-name is for the certificate that the coordinator makes itself; "
        "--tls-cert has its names already");
  return CheckLoopback(flags.http, "HTTP");
}

Result<std::optional<rpc::Authority>> AuthorityOf(const Flags& flags) {
  if (!WantsTls(flags)) return std::optional<rpc::Authority>();
  auto authority = rpc::Authority::Open(JoinPath(AbsolutePath(flags.dir), state_files::kTls));
  BRAID_RETURN_IF_ERROR(authority.status());
  return std::optional(*std::move(authority));
}

Result<std::optional<rpc::ServerTls>> TlsOf(const Flags& flags,
                                            const std::optional<rpc::Authority>& authority) {
  if (!authority.has_value()) return std::optional<rpc::ServerTls>();
  auto files = flags.tls_certificate.empty()
                   ? authority->OwnServer(rpc::ServerNames(flags.listen, flags.tls_names))
                   : authority->ServerOf(flags.tls_certificate, flags.tls_key);
  BRAID_RETURN_IF_ERROR(files.status());
  return std::optional(*std::move(files));
}

Status WriteAddresses(const Flags& flags, const Server& server, const HttpServer& http,
                      const std::optional<rpc::ServerTls>& tls) {
  if (flags.address_file.empty()) return OkStatus();
  // Below the folder of the address file its name is relative: all of it may be moved, and may have
  // a name that is not UTF-8.
  const std::string home = AbsolutePath(FolderOf(flags.address_file)) + "/";
  const auto relative = [&home](const std::string& path) {
    return path.starts_with(home) ? path.substr(home.size()) : path;
  };
  Json addresses = {{"grpc", LocalAddress(server.address())},
                    {"http", http.address()},
                    {"pid", getpid()},
                    {"token_file", relative(TokenFile(flags))}};
  if (tls.has_value()) {
    addresses["ca_file"] = relative(AbsolutePath(tls->trust));
    addresses["ca_sha256"] = tls->trust_sha256;
  }
  return WriteFileAtomic(flags.address_file,
                         addresses.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Until a signal, or until the loop has ended. Meanwhile health says whether the coordinator still
// waits for its workers.
void WaitForSignal(const Flags& flags, const std::optional<rpc::Authority>& authority, Core* core,
                   Server* server) {
  pollfd wake{wake_fd, POLLIN, 0};
  int64_t renew_ms = SystemClock().MonotonicMs() + kRenewMs;
  do {
    if (SystemClock().MonotonicMs() >= renew_ms) {
      renew_ms += kRenewMs;
      // A server's certificate that comes near its end is made anew; the server finds it.
      if (const auto tls = TlsOf(flags, authority); !tls.ok())
        spdlog::error("{}", tls.status().message());
    }
    bool recovering = false;
    const Status asked = core->Query([&](const State& state) {
      recovering = Recovering(state, core->options(), core->options().clock->MonotonicMs());
    });
    if (asked.ok()) server->SetReady(!recovering);
  } while (poll(&wake, 1, kHealthMs) <= 0 || (wake.revents & POLLIN) == 0);
}

// `serving` is set once it serves: an error before that will be the same at the next try.
Status Serve(const Flags& flags, bool* serving) {
  BRAID_RETURN_IF_ERROR(CheckFlags(flags));
  BRAID_RETURN_IF_ERROR(MakeStateFolder(
      flags.dir, {state_files::kCatalog + std::string("*"), state_files::kStore,
                  state_files::kJobLogs, state_files::kJobMetrics, state_files::kScratch,
                  state_files::kCoordinatorLock, state_files::kToken, state_files::kTls}));
  BRAID_RETURN_IF_ERROR(RefuseNetworkFolder(flags.dir));
  const std::string lock_path = JoinPath(flags.dir, state_files::kCoordinatorLock);
  auto lock = FileLock::Acquire(lock_path);
  if (lock.status().code() == StatusCode::kAlreadyExists) {
    return lock.status().Wrap("another braid-coordinator uses " + flags.dir +
                              ": stop it, or choose another --dir");
  }
  BRAID_RETURN_IF_ERROR(lock.status());
  BRAID_ASSIGN_OR_RETURN(const std::string token, MakeTokenFile(TokenFile(flags)));
  BRAID_ASSIGN_OR_RETURN(const std::optional<rpc::Authority> authority, AuthorityOf(flags));
  BRAID_ASSIGN_OR_RETURN(const auto tls, TlsOf(flags, authority));
  BRAID_ASSIGN_OR_RETURN(auto catalog,
                         catalog::Catalog::Open({JoinPath(flags.dir, state_files::kCatalog), 0}));
  BRAID_ASSIGN_OR_RETURN(auto blobs,
                         storage::BlobStore::Open(JoinPath(flags.dir, state_files::kStore)));
  BRAID_ASSIGN_OR_RETURN(auto logs, AppendFiles::Open(JoinPath(flags.dir, state_files::kJobLogs)));
  BRAID_ASSIGN_OR_RETURN(auto metrics,
                         AppendFiles::Open(JoinPath(flags.dir, state_files::kJobMetrics)));
  const std::string scratch = JoinPath(flags.dir, state_files::kScratch);
  BRAID_RETURN_IF_ERROR(RemoveTree(scratch));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(scratch));

  std::mt19937_64 dice{std::random_device{}()};
  Options options;
  options.store = catalog.get();
  options.clock = &SystemClock();
  options.uniform = [&dice] { return std::uniform_real_distribution<double>(0, 1)(dice); };
  options.run_id = RunId;
  options.site = flags.site;
  options.network = LoopbackName();
  options.lease.heartbeat_interval_ms = flags.heartbeat_interval_ms;
  options.lease.ttl_ms = flags.ttl_ms;
  options.lease.disconnect_grace_ms = flags.grace_ms;
  options.gang_patience_ms = flags.gang_patience_ms;
  options.keep_checkpoints = flags.keep_checkpoints == "all" ? -1
                                                             : std::stoll(flags.keep_checkpoints);
  BRAID_ASSIGN_OR_RETURN(auto core, Core::Create(options));

  Status core_status;
  std::atomic<bool> served{false};
  std::thread loop([&] {
    core_status = core->Run();
    OnSignal(0);
    if (core_status.ok()) return;
    // Whoever waited has an answer. The servers get a moment to send it; then this process ends in
    // any case, so that the next one (braid up starts it) loads what is on the disk.
    spdlog::critical("{}", core_status.message());
    spdlog::default_logger()->flush();
    for (int64_t waited = 0; waited < kLastWordsMs && !served; waited += kTickMs) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kTickMs));
    }
    if (!served) _exit(kFatalExit);
  });
  RendezvousTable rendezvous;
  catalog::Reader reader(JoinPath(flags.dir, state_files::kCatalog));
  Backend backend;
  backend.core = core.get();
  backend.store = catalog.get();
  backend.reader = &reader;
  backend.blobs = blobs.get();
  backend.logs = logs.get();
  backend.metrics = metrics.get();
  backend.rendezvous = &rendezvous;
  backend.scratch = scratch;
  backend.garbage_grace_ms = flags.gc_grace_ms;
  backend.garbage_interval_ms = flags.gc_interval_ms;
  backend.keep_events_ms = flags.keep_events_days * 86'400'000;
  backend.rate_limits = flags.rates;
  backend.keep_audit_ms = flags.keep_audit_days * 86'400'000;
  backend.version = kVersion;
  backend.coordinator_id = catalog->id();
  backend.token = token;
  backend.token_file = TokenFile(flags);
  backend.tls = tls;
  backend.authority = authority.has_value() ? &*authority : nullptr;
  backend.join_host = JoinHost(flags);
  backend.worker_certificate_ms = flags.worker_certificate_s * 1000;
  const auto stop_loop = [&] {
    core->Stop();
    loop.join();
  };

  auto server = Server::Start(flags.listen, &backend);
  const HttpServer::Options http_options{
      flags.http,
      flags.http_hosts,
      [access = backend.access.get()](std::string_view method, bool sent, std::string_view given) {
        rpc::Caller caller{method, {}, ""};
        if (sent) caller.tokens.push_back(given);
        return access->Check(caller);
      },
      server.ok() ? (*server)->json_calls() : nullptr,
      metrics.get(),
      &reader};
  auto http = server.ok() ? HttpServer::Start(http_options, core.get())
                          : Result<std::unique_ptr<HttpServer>>(server.status());
  Status status = http.ok() ? WriteAddresses(flags, **server, **http, tls) : http.status();
  if (status.ok()) {
    *serving = true;
    spdlog::info("coordinator {} serves gRPC on {}{}, HTTP on {}, state in {}", catalog->id(),
                 (*server)->address(),
                 tls.has_value() ? " (TLS, authority sha256:" + tls->trust_sha256 + ")" : "",
                 (*http)->address(), flags.dir);
    WaitForSignal(flags, authority, core.get(), server->get());
    spdlog::info("stopping");
  }
  if (http.ok()) (*http)->Stop();
  if (server.ok()) (*server)->Stop();
  served = true;
  stop_loop();
  return status.ok() ? core_status : status;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"braid-coordinator: schedules jobs on workers and keeps every fact",
               "braid-coordinator"};
  app.add_option("--dir", flags.dir, "Folder of the catalog, blobs and logs; made if missing")
      ->required();
  app.add_option("--listen", flags.listen,
                 "gRPC address; port 0 takes a free one. Anywhere but on loopback it speaks TLS, "
                 "with certificates that are made in DIR/tls")
      ->capture_default_str();
  app.add_flag("--tls", flags.tls, "speak TLS on loopback, too");
  app.add_option("--tls-name", flags.tls_names,
                 "a name or address by which clients reach this coordinator, besides those of this "
                 "machine; may be repeated");
  app.add_option("--tls-cert", flags.tls_certificate,
                 "PEM file of a certificate of yours and those of its issuers; read again when it "
                 "changes");
  app.add_option("--tls-key", flags.tls_key, "PEM file of its key");
  app.add_option("--http", flags.http,
                 "Address of the dashboard, the JSON API, /metrics and /healthz")
      ->capture_default_str();
  app.add_option("--http-host", flags.http_hosts,
                 "A name that HTTP requests may call this machine by, besides localhost and the "
                 "address of --http; may be repeated");
  app.add_option("--address-file", flags.address_file,
                 "Written with both addresses and the token's file as JSON when ready");
  app.add_option("--worker-certificate-s", flags.worker_certificate_s,
                 "How long the certificate of a worker is good; the worker renews it in time")
      ->check(CLI::Range(5, 10 * 365 * 86'400))
      ->capture_default_str();
  app.add_option("--site", flags.site, "Site of this coordinator; workers of it are soon missed")
      ->capture_default_str();
  app.add_option("--heartbeat-interval-ms,--beat-ms", flags.heartbeat_interval_ms,
                 "How often workers say something")
      ->check(CLI::Range(100, 60'000))
      ->capture_default_str();
  app.add_option("--ttl-ms", flags.ttl_ms, "Silence after which a worker is disconnected")
      ->check(CLI::Range(500, 600'000))
      ->capture_default_str();
  app.add_option("--gang-patience-ms", flags.gang_patience_ms,
                 "How long a gang may make no step while one of its ranks is out of reach, until "
                 "all of its ranks are stopped")
      ->check(CLI::Range(500, 86'400'000))
      ->capture_default_str();
  app.add_option("--grace-ms", flags.grace_ms,
                 "How long a disconnected worker of another site keeps its jobs")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app.add_option("--keep-checkpoints", flags.keep_checkpoints,
                 "How many of its newest checkpoints a training keeps until it has succeeded, or "
                 "all, if its recipe does not say")
      ->check(CLI::IsMember({"all"}) | CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--keep-events-days", flags.keep_events_days,
                 "Events of ended runs that are older are deleted; 0: never")
      ->check(CLI::Range(0, 36'500))
      ->capture_default_str();
  app.add_option("--calls-per-second", flags.rates.people,
                 "How often one person may call, on average; ten seconds' worth at once. The owner "
                 "of the coordinator may as often as it can. 0: no limit")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--open-calls", flags.rates.open,
                 "How many calls of one person, such as followed logs, may be open at the same "
                 "time. 0: any number")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--worker-calls-per-second", flags.rates.workers,
                 "The same of one worker that has an identity of its own")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--keep-audit-days", flags.keep_audit_days,
                 "Rows of the audit (braid audit) that are older are deleted; 0: never")
      ->check(CLI::Range(0, 36'500))
      ->capture_default_str();
  app.add_option("--gc-grace-ms", flags.gc_grace_ms,
                 "How long a blob that nothing needs stays in the store")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app.add_option("--gc-interval-ms", flags.gc_interval_ms,
                 "How often what nothing needs is deleted; 0: only by braid gc")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app.set_version_flag("--version", kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  spdlog::set_default_logger(spdlog::stderr_logger_mt("coordinator"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %n: %v", spdlog::pattern_time_type::utc);
  wake_fd = eventfd(0, EFD_CLOEXEC);
  struct sigaction action{};
  action.sa_handler = OnSignal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is then the error that a full disk is

  KeepToOneself();
  RaiseDescriptorLimit();
  bool serving = false;
  const Status status = Serve(flags, &serving);
  if (status.ok()) return 0;
  spdlog::error("{}", status.message());
  if (serving) return 1;
  return status.code() == StatusCode::kAlreadyExists ? kFolderInUseExit : kCannotStartExit;
}

}  // namespace

int main(int argc, char** argv) {
  return GuardedMain("braid-coordinator", Main, argc, argv);
}
