#include "cli/local/service.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/private_folder.h"
#include "base/process.h"
#include "base/state_files.h"
#include "base/text.h"
#include "cli/local/child.h"
#include "cli/local/json_member.h"
#include "cli/local/programs.h"
#include "cli/shared/exit_code.h"

namespace braid::cli {
namespace {

constexpr int64_t kStartMs = 180'000;  // on a loaded machine; what cannot start says so at once

// Two workers must not have the same GPUs, so one has them all.
std::string GpusText(const ServiceOptions& options) {
  if (options.workers == 0 || options.gpus == "none") return "";
  return options.gpus == "all" ? ", any GPUs at worker-1"
                               : ", GPUs " + options.gpus + " at worker-1";
}

// Returns when all answer; the error of the background process, which it writes to `errors` before
// it ends, or kDeadlineExceeded.
Status WaitUntilReady(const Globals& globals, int32_t workers, int errors) {
  const int64_t deadline = SystemClock().MonotonicMs() + kStartMs;
  std::string last = "no answer";
  while (SystemClock().MonotonicMs() < deadline) {
    pollfd entry{errors, POLLIN, 0};
    // The process writes here only if it fails; until then the pause of the poll separates the
    // attempts.
    if (poll(&entry, 1, 100) > 0) {
      std::string said;
      char piece[4096];
      for (ssize_t n = 0; (n = read(errors, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR);)
        said.append(piece, n > 0 ? static_cast<size_t>(n) : 0);
      const size_t code_end = said.find('\n');
      if (code_end == std::string::npos)
        return Internal("it ended before it was ready; look into " +
                        JoinPath(globals.dir, state_files::kUpLogs));
      return Status(static_cast<StatusCode>(std::atoi(said.c_str())), said.substr(code_end + 1));
    }
    const Result<Endpoint> endpoint = globals.FindCoordinator();
    if (!endpoint.ok()) continue;
    Client client(*endpoint);
    const auto info = client.Call<v1::ServerInfo>(&v1::Admin::Stub::GetServerInfo, client.admin(),
                                                  v1::GetServerInfoRequest(), 1'000);
    if (info.ok() && info->workers_ready() >= workers) return OkStatus();
    last = info.ok() ? Format("%d of %d workers are ready", info->workers_ready(), workers)
                     : info.status().message();
  }
  return DeadlineExceeded(Format("braid did not come up in %lld s (", (long long)kStartMs / 1000) +
                          last + "); look into " + JoinPath(globals.dir, state_files::kUpLogs));
}

// The folder of all state, for this user alone, and the lock that says that braid is up in it.
Result<FileLock> TakeFolder(const std::string& dir) {
  BRAID_RETURN_IF_ERROR(MakeStateFolder(
      dir, {state_files::kAddress + std::string("*"), state_files::kUp + std::string("*"),
            state_files::kUpLock, state_files::kUpLogs, state_files::kCoordinator,
            state_files::kWorkerPrefix + std::string("*")}));
  const std::string path = JoinPath(dir, state_files::kUpLock);
  Result<FileLock> lock = FileLock::Acquire(path);
  if (lock.ok()) return lock;
  if (lock.status().code() == StatusCode::kAlreadyExists) {
    return AlreadyExists("braid is up already in " + dir +
                         "; braid down ends it, another --dir starts a second one");
  }
  std::string whose;
  struct stat info{};
  if (stat(dir.c_str(), &info) == 0 && info.st_uid != geteuid()) {
    const passwd* user = getpwuid(info.st_uid);
    whose = dir + " belongs to user " +
            (user != nullptr ? std::string(user->pw_name) : std::to_string(info.st_uid)) + "; ";
  }
  return Status(lock.status().code(), lock.status().reason(),
                lock.status().message() + " (" + whose + "another --dir is another state folder)");
}

// Signals that end `up`; blocked in every thread, taken by the loop.
sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

// All workers are asked first, so that they write their checkpoints at the same time. The
// coordinator is the last, because it takes the checkpoints.
void StopChildren(const std::vector<std::unique_ptr<Child>>& children) {
  for (size_t i = 1; i < children.size(); ++i) children[i]->Ask();
  for (size_t i = 1; i < children.size(); ++i) children[i]->Stop(40'000);
  children[0]->Stop(20'000);
}

// The address of the dashboard and the file with its token, for people; empty until the coordinator
// has written its address file.
std::string DashboardText(const std::string& dir) {
  const auto addresses = ReadJsonFile(JoinPath(dir, state_files::kAddress));
  const auto http = MemberOr<std::string>(addresses, "http", "");
  const auto token = MemberOr<std::string>(addresses, "token_file", "");
  if (http.empty()) return "";
  const auto in_dir = [&dir](const std::string& path) {
    return path.starts_with('/') ? path : JoinPath(dir, path);
  };
  const auto authority = MemberOr<std::string>(addresses, "http_ca_file", "");
  const auto name = MemberOr<std::string>(addresses, "http_name", "");
  const std::string place = name.empty() ? http : name + http.substr(http.rfind(':'));
  return std::string("dashboard: ") + (authority.empty() ? "http://" : "https://") + place +
         "/ (sign in with the token in " + in_dir(token) +
         (authority.empty() ? "" : "; its authority, for browsers, is " + in_dir(authority)) + ")";
}

// Tends the children until a signal, or until one of them cannot start.
Status TendChildren(const std::vector<std::unique_ptr<Child>>& children, const std::string& dir,
                    const sigset_t& signals) {
  const timespec tick{0, 100'000'000};
  bool said = false;
  do {
    for (const auto& child : children) BRAID_RETURN_IF_ERROR(child->Tend());
    if (const std::string text = said ? "" : DashboardText(dir); !text.empty()) {
      std::fprintf(stderr, "braid up: %s\n", text.c_str());
      said = true;
    }
    (void)ReapOrphans();
  } while (sigtimedwait(&signals, nullptr, &tick) < 0);
  std::fprintf(stderr, "braid up: stopping; what runs gets time for a checkpoint\n");
  return OkStatus();
}

// The background process of RunDetached: its output goes to a log, and why it could not begin to
// `errors` as well.
[[noreturn]] void RunInBackground(const Globals& globals, const ServiceOptions& options,
                                  int errors) {
  const auto fail = [&](const Status& why) {
    std::fprintf(stderr, "braid up: %s\n", why.message().c_str());
    (void)WriteAll(errors, std::to_string(static_cast<int>(why.code())) + "\n" + why.message(), "");
    _exit(ExitCodeOf(why));
  };
  const std::string log = JoinPath(JoinPath(globals.dir, state_files::kUpLogs), "up.log");
  if (freopen("/dev/null", "r", stdin) == nullptr || freopen(log.c_str(), "a", stdout) == nullptr ||
      freopen(log.c_str(), "a", stderr) == nullptr) {
    fail(ErrnoStatus(errno, "opening " + log));
  }
  const Result<int> code = RunInForeground(globals, options);
  if (!code.ok()) fail(code.status());
  _exit(*code);
}

}  // namespace

Result<int> RunInForeground(const Globals& globals, const ServiceOptions& options) {
  KeepToOneself();
  const std::string dir = AbsolutePath(globals.dir);
  BRAID_ASSIGN_OR_RETURN(const FileLock lock, TakeFolder(dir));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(dir, state_files::kUpLogs)));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(dir, state_files::kUp),
                                      {{"pid", getpid()}, {"start", ProcessStartTime(getpid())}}));
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, state_files::kAddress)));
  // Task programs of a worker that was killed come to this process, which ends them.
  BecomeSubreaper();
  const sigset_t signals = StopSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const std::vector<std::unique_ptr<Child>> children = MakeChildren(dir, options);
  std::fprintf(stderr,
               "braid up: coordinator and %d workers of %d slots in %s%s; Ctrl-C ends them\n",
               options.workers, options.slots, dir.c_str(), GpusText(options).c_str());
  const Status status = TendChildren(children, dir, signals);
  StopChildren(children);
  (void)RemoveFile(JoinPath(dir, state_files::kAddress));
  (void)RemoveFile(JoinPath(dir, state_files::kUp));
  BRAID_RETURN_IF_ERROR(status);
  return kOkExit;
}

Result<int> RunDetached(const Globals& globals, const ServiceOptions& options) {
  const std::string dir = AbsolutePath(globals.dir);
  const mode_t before = umask(077);
  BRAID_RETURN_IF_ERROR(TakeFolder(dir).status());
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(dir, state_files::kUpLogs)));
  umask(before);
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, state_files::kAddress)));
  Globals local = globals;
  local.dir = dir;
  local.address.clear();
  local.token_file.clear();
  local.ca.clear();
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  const UniqueFd errors(pipe_ends[0]);
  UniqueFd theirs(pipe_ends[1]);
  std::fflush(nullptr);
  const pid_t first = fork();
  if (first < 0) return ErrnoStatus(errno, "going to the background");
  if (first == 0) {
    setsid();
    umask(077);
    if (fork() != 0) _exit(0);
    RunInBackground(local, options, theirs.get());
  }
  theirs.Reset();
  int status = 0;
  waitpid(first, &status, 0);
  const Status ready = WaitUntilReady(local, options.workers, errors.get());
  if (ready.code() == StatusCode::kDeadlineExceeded)
    (void)Down(local);  // nothing is left that would go on trying
  BRAID_RETURN_IF_ERROR(ready);
  BRAID_ASSIGN_OR_RETURN(const std::string address, local.Address());
  std::fprintf(
      stderr,
      "braid is up: coordinator at %s, %d workers of %d slots, state in %s%s; braid down ends it\n",
      address.c_str(), options.workers, options.slots, dir.c_str(), GpusText(options).c_str());
  std::fprintf(stderr, "%s\n", DashboardText(dir).c_str());
  return kOkExit;
}

Result<int> Down(const Globals& globals) {
  const std::string path = JoinPath(globals.dir, state_files::kUp);
  const Result<Json> json = ReadJsonFile(path);
  if (json.status().code() == StatusCode::kNotFound)
    return NotFound("braid is not up in " + globals.dir + " (there is no " + path +
                    "): braid up starts it, --dir names another folder");
  BRAID_RETURN_IF_ERROR(json.status());
  const pid_t pid = MemberOr<pid_t>(json, "pid", 0);
  const auto start = MemberOr<uint64_t>(json, "start", 0);
  // The number alone may belong to another process by now.
  const auto alive = [&] { return pid > 1 && ProcessStartTime(pid) == start; };
  if (alive() && kill(pid, SIGTERM) != 0 && errno != ESRCH)
    return ErrnoStatus(errno, Format("ending braid up, process %d", pid));
  const int64_t deadline = SystemClock().MonotonicMs() + 90'000;
  while (alive() && SystemClock().MonotonicMs() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if (alive())
    return DeadlineExceeded(
        Format("process %d did not end in 90 s; look into %s/logs", pid, globals.dir.c_str()));
  BRAID_RETURN_IF_ERROR(RemoveFile(path));
  std::fprintf(stderr, "braid is down; its state stays in %s\n", globals.dir.c_str());
  return kOkExit;
}

}  // namespace braid::cli
