// The tunnels of added workers: ssh, started again whenever it ends.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/local/host_service.h"
#include "cli/shared/exit_code.h"
#include "pool/ssh/advice.h"
#include "pool/ssh/script.h"

namespace braid::cli {
namespace {

using pool::ssh::HostSettings;

constexpr char kTunnelLock[] = "tunnel.lock";
constexpr char kTunnelFile[] = "tunnel.json";  // {"pid": of the process that keeps it}
constexpr char kTunnelLog[] = "tunnel.log";
constexpr char kSshLog[] = "ssh.log";
// Starting PortScript on a host takes seconds; a minute covers slow logins. A tunnel that lasted a
// minute was a working one, after whose end the pauses begin anew at a second.
constexpr int64_t kPortMs = 60'000;
constexpr int64_t kLongestPauseS = 60;
constexpr int64_t kLastsMs = 60'000;

void SayOfTunnel(const std::string& id, const std::string& text) {
  std::fprintf(stderr, "%s %s: %s\n", FormatUtc(SystemClock().WallMs()).c_str(), id.c_str(),
               text.c_str());
}

std::string TunnelPath(const Globals& globals, const std::string& id, const char* name) {
  return JoinPath(HostFolder(globals, id), name);
}

sigset_t TunnelSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

// True if a signal came.
bool WaitForSignal(const sigset_t& signals, int64_t seconds) {
  const timespec time{seconds, 0};
  return sigtimedwait(&signals, nullptr, &time) > 0;
}

// The number behind "port " in what a script printed.
Result<int64_t> PortOf(const std::string& text) {
  constexpr std::string_view kPort = "port ";
  for (const std::string& line : Split(text, '\n')) {
    if (line.starts_with(kPort)) return ParseInt(line.substr(kPort.size()));
  }
  return Internal("an answer that was not understood: " + text);
}

class Tunnel {
 public:
  Tunnel(const Globals& globals, HostSettings host)
      : globals_(globals),
        host_(std::move(host)),
        ssh_log_(TunnelPath(globals, host_.id, kSshLog)) {}

  // Until a signal comes, or the worker is removed.
  Result<int> Keep(const sigset_t& signals) {
    int64_t pause_s = 1;
    while (PathExists(TunnelPath(globals_, host_.id, pool::ssh::kHostFile))) {
      const int64_t began_ms = SystemClock().MonotonicMs();
      const Result<bool> asked_to_end = Once(signals);
      if (asked_to_end.ok() && *asked_to_end) break;
      if (SystemClock().MonotonicMs() - began_ms > kLastsMs) pause_s = 1;
      if (!asked_to_end.ok() && asked_to_end.status().message() != said_) {
        said_ = asked_to_end.status().message();
        SayOfTunnel(host_.id, said_ + "; tried again, later each time, at least every minute");
      }
      if (WaitForSignal(signals, pause_s)) break;
      pause_s = std::min(kLongestPauseS, pause_s * 2);
    }
    return kOkExit;
  }

 private:
  // One life of ssh. True: a signal came. False: the coordinator is elsewhere now.
  Result<bool> Once(const sigset_t& signals) {
    BRAID_ASSIGN_OR_RETURN(const Endpoint endpoint, globals_.FindCoordinator());
    BRAID_ASSIGN_OR_RETURN(
        const std::string said,
        pool::ssh::RunScript(host_.remote, pool::ssh::PortScript(host_, endpoint.ca_sha256),
                             kPortMs));
    BRAID_ASSIGN_OR_RETURN(const int64_t port, PortOf(said));
    BRAID_RETURN_IF_ERROR(WriteFileAtomic(ssh_log_, ""));
    ProcessOptions options;
    options.argv = {"/usr/bin/env"};
    const std::string forward = "127.0.0.1:" + std::to_string(port) + ":" + endpoint.address;
    for (const std::string& word : pool::ssh::TunnelWords(host_.remote, forward))
      options.argv.push_back(word);
    options.output = ssh_log_;
    BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
    SayOfTunnel(host_.id, "the coordinator at " + endpoint.address + " is at port " +
                              std::to_string(port) + " of " + host_.remote.host);
    said_.clear();
    while (!process->Wait(0)) {
      if (WaitForSignal(signals, 1)) return true;
      const auto now = globals_.FindCoordinator();
      if (now.ok() && now->address != endpoint.address) return false;
      if (!PathExists(TunnelPath(globals_, host_.id, pool::ssh::kHostFile))) return true;
    }
    const auto log = ReadFile(ssh_log_, uint64_t{1} << 20);
    const std::string words(Trim(log.ok() ? *log : ""));
    return Unavailable(pool::ssh::AdviceOn(
        host_.remote.host, words.empty() ? "the connection closed, without a word of ssh" : words));
  }

  const Globals& globals_;
  const HostSettings host_;
  const std::string ssh_log_;
  // The trouble that was last reported.
  std::string said_;
};

Result<HostSettings> HostWithTunnel(const Globals& globals, const std::string& id) {
  const std::string folder = HostFolder(globals, id);
  if (!PathExists(JoinPath(folder, pool::ssh::kHostFile))) {
    return NotFound("no worker " + id + " was added in " + globals.dir +
                    ": `braid worker hosts` lists those that were");
  }
  BRAID_ASSIGN_OR_RETURN(HostSettings host, pool::ssh::ReadHost(folder));
  if (!host.tunnel())
    return FailedPrecondition("worker " + id + " has no tunnel: it reaches the coordinator at " +
                              host.address + ", and needs none");
  return host;
}

// Runs a program that outlives this one, in a session of its own. Its output is appended to `log`.
Status StartDetached(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t first = fork();
  if (first < 0) return ErrnoStatus(errno, "starting " + words.at(0));
  if (first == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    const int null = open("/dev/null", O_RDONLY);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || out < 0) _exit(127);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    execv(argv[0], argv.data());
    _exit(127);
  }
  waitpid(first, nullptr, 0);
  return OkStatus();
}

}  // namespace

bool TunnelIsKept(const Globals& globals, const std::string& id) {
  const std::string path = TunnelPath(globals, id, kTunnelLock);
  if (!PathExists(path)) return false;
  return FileLock::Acquire(path).status().code() == StatusCode::kAlreadyExists;
}

Result<int> KeepTunnel(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(const HostSettings host, HostWithTunnel(globals, id));
  const Result<FileLock> lock = FileLock::Acquire(TunnelPath(globals, id, kTunnelLock));
  if (lock.status().code() == StatusCode::kAlreadyExists)
    return AlreadyExists("another process keeps the tunnel of worker " + id +
                         ": end that one first, or leave it running");
  BRAID_RETURN_IF_ERROR(lock.status());
  const sigset_t signals = TunnelSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  BRAID_RETURN_IF_ERROR(WriteJsonFile(TunnelPath(globals, id, kTunnelFile), {{"pid", getpid()}}));
  return Tunnel(globals, host).Keep(signals);
}

Status StartTunnel(const Globals& globals, const std::string& id) {
  BRAID_RETURN_IF_ERROR(HostWithTunnel(globals, id).status());
  if (TunnelIsKept(globals, id)) return OkStatus();
  std::vector<std::string> words = {JoinPath(ProgramFolder(), "braid"), "--dir",
                                    AbsolutePath(globals.dir)};
  const std::pair<const char*, const std::string*> more[] = {
      {"--addr", &globals.address}, {"--token-file", &globals.token_file}, {"--ca", &globals.ca}};
  for (const auto& [option, value] : more) {
    if (value->empty()) continue;
    words.emplace_back(option);
    words.push_back(*value);
  }
  for (const std::string& word : {std::string("worker"), std::string("tunnel"), id})
    words.push_back(word);
  return StartDetached(words, TunnelPath(globals, id, kTunnelLog));
}

Status EndTunnel(const Globals& globals, const std::string& id) {
  // Longer than kPortMs: the process that keeps the tunnel may be waiting for a script on the host.
  constexpr int64_t kEndMs = 90'000;
  const int64_t end_ms = SystemClock().MonotonicMs() + kEndMs;
  const Result<Json> json = ReadJsonFile(TunnelPath(globals, id, kTunnelFile));
  while (TunnelIsKept(globals, id)) {
    const pid_t pid = json.ok() ? json->value("pid", 0) : 0;
    if (pid > 1) kill(pid, SIGTERM);
    if (SystemClock().MonotonicMs() > end_ms)
      return DeadlineExceeded("the process that keeps the tunnel of worker " + id + " (" +
                              std::to_string(pid) + ") does not end");
    const timespec pause{0, 100'000'000};
    nanosleep(&pause, nullptr);
  }
  return OkStatus();
}

}  // namespace braid::cli
