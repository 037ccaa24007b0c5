// braid up: a coordinator and workers on this machine, from nothing, and kept running.
#include "cli/up.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/command.h"

namespace braid::cli {
namespace {

constexpr int64_t kHealthyMs = 10'000;
constexpr int64_t kMostBackoffMs = 5'000;
constexpr int64_t kStartMs = 30'000;
constexpr int kTriesAtOnePort = 3;

// One program that is started again when it dies, later each time until it stays up.
class Child {
 public:
  // `options` is asked before each start, with the number of starts in a row that did not last.
  using Options = std::function<ProcessOptions(int failures)>;
  Child(std::string name, Options options) : name_(std::move(name)), make_options_(std::move(options)) {}

  void Tend() {
    const int64_t now = SystemClock().MonotonicMs();
    if (process_ != nullptr && process_->Wait(0)) {
      const ProcessExit& exit = process_->exit();
      std::fprintf(stderr, "braid up: %s ended (%s %d), starting it again in %lld ms; its log: %s\n", name_.c_str(),
                   exit.signal != 0 ? "signal" : "code", exit.signal != 0 ? exit.signal : exit.code, (long long)backoff_ms_,
                   options_.output.c_str());
      if (now - started_ms_ > kHealthyMs) backoff_ms_ = 200, failures_ = 0;
      ++failures_;
      not_before_ms_ = now + backoff_ms_;
      backoff_ms_ = std::min(kMostBackoffMs, backoff_ms_ * 2);
      process_.reset();
    }
    if (process_ != nullptr || now < not_before_ms_) return;
    options_ = make_options_(failures_);
    auto started = Process::Start(options_);
    if (started.ok()) {
      process_ = std::move(*started);
      started_ms_ = now;
      return;
    }
    // Too many processes, or no memory, for now: what runs beside it goes on.
    std::fprintf(stderr, "braid up: %s cannot be started (%s), trying again in %lld ms\n", name_.c_str(),
                 started.status().message().c_str(), (long long)backoff_ms_);
    ++failures_;
    not_before_ms_ = now + backoff_ms_;
    backoff_ms_ = std::min(kMostBackoffMs, backoff_ms_ * 2);
  }

  void Stop(int64_t deadline_ms) {
    if (process_ == nullptr) return;
    kill(process_->pid(), SIGTERM);
    if (!process_->Wait(deadline_ms)) process_->Signal(SIGKILL);
    process_->Wait(-1);
  }
  void Ask() {
    if (process_ != nullptr) kill(process_->pid(), SIGTERM);
  }

 private:
  const std::string name_;
  const Options make_options_;
  ProcessOptions options_;  // of the newest start
  std::unique_ptr<Process> process_;
  int failures_ = 0;
  int64_t started_ms_ = 0;
  int64_t not_before_ms_ = 0;
  int64_t backoff_ms_ = 200;
};

struct UpFlags {
  int32_t workers = 0;
  int32_t slots = 0;
  bool detach = false;
  std::string listen = "127.0.0.1:0";
  std::string http = "127.0.0.1:0";
  std::string bin;
};

// A coordinator that is started again keeps the address that clients know, unless it cannot have it.
std::string ListenAddress(const std::string& address_file, const std::string& key, const std::string& asked, int failures) {
  if (!asked.ends_with(":0") || failures > kTriesAtOnePort) return asked;
  const Result<Json> last = ReadJsonFile(address_file);
  return last.ok() && last->is_object() ? last->value(key, asked) : asked;
}

std::vector<std::unique_ptr<Child>> MakeChildren(const std::string& dir, const UpFlags& flags) {
  const std::string bin = flags.bin.empty() ? ProgramFolder() : flags.bin;
  const std::string address = JoinPath(dir, "address.json");
  const std::string logs = JoinPath(dir, "logs");
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(std::make_unique<Child>("coordinator", [=](int failures) {
    return ProcessOptions{{JoinPath(bin, "braid-coordinator"), "--dir", JoinPath(dir, "coordinator"), "--listen",
                           ListenAddress(address, "grpc", flags.listen, failures), "--http",
                           ListenAddress(address, "http", flags.http, failures), "--address-file", address},
                          {}, JoinPath(logs, "coordinator.log"), false};
  }));
  for (int32_t i = 1; i <= flags.workers; ++i) {
    const std::string id = "worker-" + std::to_string(i);
    children.push_back(std::make_unique<Child>(id, [=](int) {
      return ProcessOptions{{JoinPath(bin, "braid-worker"), "--address-file", address, "--dir", JoinPath(dir, id), "--id", id, "--site",
                             "local", "--slots", std::to_string(flags.slots)},
                            {}, JoinPath(logs, id + ".log"), false};
    }));
  }
  return children;
}

Status WaitUntilReady(const Globals& globals, int32_t workers) {
  const int64_t deadline = SystemClock().MonotonicMs() + kStartMs;
  std::string last = "no answer";
  while (SystemClock().MonotonicMs() < deadline) {
    const Result<std::string> address = globals.Address();
    if (address.ok()) {
      Client client(*address);
      const auto info = client.Call<v1::ServerInfo>(&v1::Admin::Stub::GetServerInfo, client.admin(), v1::GetServerInfoRequest(), 1'000);
      if (info.ok() && info->workers_ready() >= workers) return OkStatus();
      last = info.ok() ? Format("%d of %d workers are ready", info->workers_ready(), workers) : info.status().message();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return Unavailable("braid did not come up in 30 s (" + last + "); look into " + JoinPath(globals.dir, "logs"));
}

// Signals that end `up`; blocked in every thread, taken by the loop.
sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

Result<int> RunForeground(const Globals& globals, const UpFlags& flags) {
  const std::string dir = AbsolutePath(globals.dir);
  BRAID_RETURN_IF_ERROR(MakeFolder(JoinPath(dir, "logs")));
  Result<FileLock> lock = FileLock::Acquire(JoinPath(dir, "up.lock"));
  if (!lock.ok()) return AlreadyExists("braid is up already in " + dir + "; braid down ends it, another --dir starts a second one");
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(dir, "up.json"), {{"pid", getpid()}, {"start", ProcessStartTime(getpid())}}));
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, "address.json")));
  BecomeSubreaper();
  const sigset_t signals = StopSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::vector<std::unique_ptr<Child>> children = MakeChildren(dir, flags);
  std::fprintf(stderr, "braid up: coordinator and %d workers of %d slots in %s; Ctrl-C ends them\n", flags.workers, flags.slots, dir.c_str());
  const timespec tick{0, 100'000'000};
  while (sigtimedwait(&signals, nullptr, &tick) < 0) {
    for (const auto& child : children) child->Tend();
    (void)ReapOrphans();
  }
  std::fprintf(stderr, "braid up: stopping; what runs gets time for a checkpoint\n");
  for (size_t i = 1; i < children.size(); ++i) children[i]->Ask();
  for (size_t i = 1; i < children.size(); ++i) children[i]->Stop(40'000);
  children[0]->Stop(20'000);
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, "address.json")));
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, "up.json")));
  return kOkExit;
}

// The same in the background: a process of its own session that outlives this one.
Result<int> RunDetached(const Globals& globals, const UpFlags& flags) {
  const std::string dir = AbsolutePath(globals.dir);
  BRAID_RETURN_IF_ERROR(MakeFolder(JoinPath(dir, "logs")));
  if (!FileLock::Acquire(JoinPath(dir, "up.lock")).ok()) {
    return AlreadyExists("braid is up already in " + dir + "; braid down ends it, another --dir starts a second one");
  }
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, "address.json")));
  std::fflush(nullptr);
  const pid_t first = fork();
  if (first < 0) return ErrnoStatus(errno, "going to the background");
  if (first == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    const std::string log = JoinPath(JoinPath(dir, "logs"), "up.log");
    if (freopen("/dev/null", "r", stdin) == nullptr || freopen(log.c_str(), "a", stdout) == nullptr ||
        freopen(log.c_str(), "a", stderr) == nullptr) {
      _exit(1);
    }
    Globals absolute = globals;
    absolute.dir = dir;
    const Result<int> code = RunForeground(absolute, flags);
    if (!code.ok()) std::fprintf(stderr, "braid up: %s\n", code.status().message().c_str());
    _exit(code.ok() ? *code : 1);
  }
  int status = 0;
  waitpid(first, &status, 0);
  Globals local = globals;
  local.address.clear();
  BRAID_RETURN_IF_ERROR(WaitUntilReady(local, flags.workers));
  BRAID_ASSIGN_OR_RETURN(const std::string address, local.Address());
  std::fprintf(stderr, "braid is up: coordinator at %s, %d workers of %d slots, state in %s; braid down ends it\n", address.c_str(),
               flags.workers, flags.slots, dir.c_str());
  return kOkExit;
}

}  // namespace

Result<int> Down(const Globals& globals) {
  const std::string path = JoinPath(globals.dir, "up.json");
  const Result<Json> json = ReadJsonFile(path);
  if (!json.ok()) return NotFound("braid is not up in " + globals.dir + " (there is no " + path + ")");
  const pid_t pid = json->value("pid", 0);
  const uint64_t start = json->value("start", uint64_t{0});
  const auto alive = [&] { return pid > 1 && ProcessStartTime(pid) == start; };
  if (alive()) kill(pid, SIGTERM);
  const int64_t deadline = SystemClock().MonotonicMs() + 90'000;
  while (alive() && SystemClock().MonotonicMs() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if (alive()) return DeadlineExceeded(Format("process %d did not end in 90 s; look into %s/logs", pid, globals.dir.c_str()));
  BRAID_RETURN_IF_ERROR(RemoveFile(path));
  std::fprintf(stderr, "braid is down; its state stays in %s\n", globals.dir.c_str());
  return kOkExit;
}

void RegisterUp(const Registry& registry) {
  auto flags = std::make_shared<UpFlags>();
  CLI::App* command = registry.app.add_subcommand("up", "Start a coordinator and workers on this machine and keep them running");
  command->add_option("--workers", flags->workers, "number of workers (default: 2, or 1 on one core)")->check(CLI::Range(0, 256));
  command->add_option("--slots", flags->slots, "CPU slots of each worker (default: cores / workers)")->check(CLI::Range(1, 4096));
  command->add_flag("--detach", flags->detach, "return when everything is ready; braid down ends it");
  command->add_option("--listen", flags->listen, "loopback address of the API; port 0 takes a free one")->capture_default_str();
  command->add_option("--http", flags->http, "loopback address of metrics and health")->capture_default_str();
  command->add_option("--bin", flags->bin, "folder of braid's programs (default: beside this one)");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags]() -> Result<int> {
      const auto cores = static_cast<int32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
      if (flags->workers == 0) flags->workers = std::min(2, cores);
      if (flags->slots == 0) flags->slots = std::max(1, cores / flags->workers);
      return flags->detach ? RunDetached(globals, *flags) : RunForeground(globals, *flags);
    };
  });
}

}  // namespace braid::cli
