// braid up: a coordinator and workers on this machine, from nothing, and kept running.
#include "cli/commands/up.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/private_folder.h"
#include "base/process.h"
#include "base/state_files.h"
#include "base/text.h"
#include "cli/commands/command.h"

namespace braid::cli {
namespace {

constexpr int64_t kHealthyMs = 10'000;
constexpr int64_t kMaxBackoffMs = 5'000;
constexpr int64_t kStartMs = 180'000;      // on a loaded machine; what cannot start says so at once
constexpr int64_t kFolderFreeMs = 10'000;  // a program that was killed may hold its folder for a
                                           // moment
constexpr int kTriesAtOnePort = 3;
// Exit codes of the programs: they cannot begin, their words are not understood, their folder is in
// use.
constexpr int kCannotStart = 78, kNotUnderstood = 2, kInUse = 5;

// What a program wrote last to its log behind `offset`, without the time and name in front.
std::string LastLine(const std::string& log, uint64_t offset) {
  constexpr uint64_t kTail = 64 << 10;
  const Result<uint64_t> size = FileSize(log);
  UniqueFd fd(open(log.c_str(), O_RDONLY | O_CLOEXEC));
  if (!size.ok() || !fd.valid() || *size <= offset) return "it wrote nothing to " + log;
  const uint64_t begin = std::max(offset, *size > kTail ? *size - kTail : 0);
  std::string text(*size - begin, '\0');
  if (!ReadAt(fd.get(), begin, text.data(), text.size(), log).ok()) return "see " + log;
  const std::string_view trimmed = Trim(text);
  const size_t line_begin = trimmed.rfind('\n');
  const std::string_view line = line_begin == std::string_view::npos
                                    ? trimmed
                                    : trimmed.substr(line_begin + 1);
  // "2026-03-01T12:00:00.123Z E coordinator: message"
  const size_t message = line.find(": ");
  const bool stamped = line.size() > 24 && line[10] == 'T' && line[23] == 'Z' &&
                       message != std::string_view::npos;
  return std::string(stamped ? line.substr(message + 2) : line);
}

// One program that is started again when it dies, later each time until it stays up.
class Child {
 public:
  // `options` is asked before each start, with the number of starts in a row that did not last.
  using Options = std::function<ProcessOptions(int failures)>;
  Child(std::string name, Options options)
      : name_(std::move(name)), make_options_(std::move(options)) {}

  // An error is one that the next try would meet again: the program never ran here and says that it
  // cannot. One that did run is tried again without end, as others work on meanwhile.
  Status Tend() {
    const int64_t now = SystemClock().MonotonicMs();
    if (process_ != nullptr && now - started_ms_ > kHealthyMs) ran_ = true;
    if (process_ != nullptr && process_->Wait(0)) BRAID_RETURN_IF_ERROR(Ended(now));
    if (process_ != nullptr || now < not_before_ms_) return OkStatus();
    options_ = make_options_(failures_);
    const Result<uint64_t> log_size = FileSize(options_.output);
    log_offset_ = log_size.ok() ? *log_size : 0;
    Result<std::unique_ptr<Process>> process = Process::Start(options_);
    if (!process.ok()) {
      if (!ran_) return process.status().Wrap(name_ + " cannot start");
      // Too many processes, or no memory, for now: what runs beside it goes on.
      std::fprintf(stderr, "braid up: %s cannot be started (%s), trying again in %lld ms\n",
                   name_.c_str(), process.status().message().c_str(), (long long)backoff_ms_);
      Later(now);
      return OkStatus();
    }
    process_ = *std::move(process);
    started_ms_ = now;
    if (first_start_ms_ == 0) first_start_ms_ = now;
    return OkStatus();
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
  Status Ended(int64_t now) {
    const ProcessExit exit = process_->exit();
    process_.reset();
    const bool cannot = exit.signal == 0 &&
                        (exit.code == kCannotStart || exit.code == kNotUnderstood ||
                         (exit.code == kInUse && now - first_start_ms_ > kFolderFreeMs));
    const std::string last = LastLine(options_.output, log_offset_);
    if (cannot && !ran_)
      return Internal(name_ + " cannot start: " + last + " (its log: " + options_.output + ")");
    if (!cannot && exit.code != kInUse) ran_ = true;
    if (now - started_ms_ > kHealthyMs) backoff_ms_ = 200, failures_ = 0;
    std::fprintf(stderr,
                 "braid up: %s ended (%s %d), starting it again in %lld ms; its log: %s; its last "
                 "line: %s\n",
                 name_.c_str(), exit.signal != 0 ? "signal" : "code",
                 exit.signal != 0 ? exit.signal : exit.code, (long long)backoff_ms_,
                 options_.output.c_str(), last.c_str());
    Later(now);
    return OkStatus();
  }

  void Later(int64_t now) {
    ++failures_;
    not_before_ms_ = now + backoff_ms_;
    backoff_ms_ = std::min(kMaxBackoffMs, backoff_ms_ * 2);
  }

  const std::string name_;
  const Options make_options_;
  ProcessOptions options_;  // of the newest start
  uint64_t log_offset_ = 0;
  std::unique_ptr<Process> process_;
  bool ran_ = false;  // it got beyond its start once
  int failures_ = 0;
  int64_t first_start_ms_ = 0;
  int64_t started_ms_ = 0;
  int64_t not_before_ms_ = 0;
  int64_t backoff_ms_ = 200;
};

struct UpFlags {
  int32_t workers = -1;  // as many as fit
  int32_t slots = 0;
  bool detach = false;
  std::string listen = "127.0.0.1:0";
  std::string http = "127.0.0.1:0";
  std::string bin;
  std::string gpus = "all";  // of worker-1
  std::vector<std::string> data_roots, http_hosts;
};

// Two workers must not have the same GPUs, so one has them all.
std::string GpusText(const UpFlags& flags) {
  if (flags.workers == 0 || flags.gpus == "none") return "";
  return flags.gpus == "all" ? ", any GPUs at worker-1" : ", GPUs " + flags.gpus + " at worker-1";
}

// A member of a file that a person may have edited; absent if it is of another type.
template <typename T>
T MemberOr(const Result<Json>& json, const char* name, T otherwise) {
  if (!json.ok() || !json->is_object()) return otherwise;
  const auto found = json->find(name);
  if (found == json->end()) return otherwise;
  if constexpr (std::is_arithmetic_v<T>)
    return found->is_number_integer() ? found->template get<T>() : otherwise;
  if constexpr (!std::is_arithmetic_v<T>)
    return found->is_string() ? found->template get<T>() : otherwise;
}

// A coordinator that is started again keeps the address that clients know, unless it cannot have
// it.
std::string ListenAddress(const std::string& address_file, const std::string& key,
                          const std::string& asked, int failures) {
  if (!asked.ends_with(":0") || failures > kTriesAtOnePort) return asked;
  return MemberOr(ReadJsonFile(address_file), key.c_str(), asked);
}

std::vector<std::unique_ptr<Child>> MakeChildren(const std::string& dir, const UpFlags& flags) {
  const std::string bin = flags.bin.empty() ? ProgramFolder() : flags.bin;
  const std::string address = JoinPath(dir, state_files::kAddress);
  const std::string logs = JoinPath(dir, state_files::kUpLogs);
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(std::make_unique<Child>("coordinator", [=](int failures) {
    ProcessOptions options{
        {JoinPath(bin, "braid-coordinator"), "--dir", JoinPath(dir, state_files::kCoordinator),
         "--listen", ListenAddress(address, "grpc", flags.listen, failures), "--http",
         ListenAddress(address, "http", flags.http, failures), "--address-file", address},
        {},
        JoinPath(logs, "coordinator.log"),
        false};
    for (const std::string& host : flags.http_hosts)
      options.argv.insert(options.argv.end(), {"--http-host", host});
    return options;
  }));
  for (int32_t i = 1; i <= flags.workers; ++i) {
    const std::string id = state_files::kWorkerPrefix + std::to_string(i);
    children.push_back(std::make_unique<Child>(id, [=](int) {
      // The token is the one that the address file names, whatever this shell uses elsewhere.
      ProcessOptions options{{JoinPath(bin, "braid-worker"), "--address-file", address, "--dir",
                              JoinPath(dir, id), "--id", id, "--site", "local", "--slots",
                              std::to_string(flags.slots), "--gpus", i == 1 ? flags.gpus : "none"},
                             {{"BRAID_TOKEN_FILE", ""}},
                             JoinPath(logs, id + ".log"),
                             false};
      for (const std::string& root : flags.data_roots)
        options.argv.insert(options.argv.end(), {"--data-root", root});
      return options;
    }));
  }
  return children;
}

// Returns when all answer; the error of the background process, which it writes to `errors` before
// it ends, or kDeadlineExceeded.
Status WaitUntilReady(const Globals& globals, int32_t workers, int errors) {
  const int64_t deadline = SystemClock().MonotonicMs() + kStartMs;
  std::string last = "no answer";
  while (SystemClock().MonotonicMs() < deadline) {
    pollfd entry{errors, POLLIN, 0};
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

void StopChildren(const std::vector<std::unique_ptr<Child>>& children) {
  for (size_t i = 1; i < children.size(); ++i) children[i]->Ask();
  for (size_t i = 1; i < children.size(); ++i) children[i]->Stop(40'000);
  children[0]->Stop(20'000);
}

// Tends the children until a signal, or until one of them cannot start.
Status TendChildren(const std::vector<std::unique_ptr<Child>>& children, const sigset_t& signals) {
  const timespec tick{0, 100'000'000};
  do {
    for (const auto& child : children) BRAID_RETURN_IF_ERROR(child->Tend());
    (void)ReapOrphans();
  } while (sigtimedwait(&signals, nullptr, &tick) < 0);
  std::fprintf(stderr, "braid up: stopping; what runs gets time for a checkpoint\n");
  return OkStatus();
}

Result<int> RunForeground(const Globals& globals, const UpFlags& flags) {
  KeepToOneself();
  const std::string dir = AbsolutePath(globals.dir);
  BRAID_ASSIGN_OR_RETURN(const FileLock lock, TakeFolder(dir));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(dir, state_files::kUpLogs)));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(dir, state_files::kUp),
                                      {{"pid", getpid()}, {"start", ProcessStartTime(getpid())}}));
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(dir, state_files::kAddress)));
  BecomeSubreaper();
  const sigset_t signals = StopSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const std::vector<std::unique_ptr<Child>> children = MakeChildren(dir, flags);
  std::fprintf(stderr,
               "braid up: coordinator and %d workers of %d slots in %s%s; Ctrl-C ends them\n",
               flags.workers, flags.slots, dir.c_str(), GpusText(flags).c_str());
  const Status status = TendChildren(children, signals);
  StopChildren(children);
  (void)RemoveFile(JoinPath(dir, state_files::kAddress));
  (void)RemoveFile(JoinPath(dir, state_files::kUp));
  BRAID_RETURN_IF_ERROR(status);
  return kOkExit;
}

// The background process: its output goes to a log, and why it could not begin to `errors` as well.
[[noreturn]] void RunInBackground(const Globals& globals, const UpFlags& flags, int errors) {
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
  const Result<int> code = RunForeground(globals, flags);
  if (!code.ok()) fail(code.status());
  _exit(*code);
}

// The same in the background: a process of its own session that outlives this one.
Result<int> RunDetached(const Globals& globals, const UpFlags& flags) {
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
    RunInBackground(local, flags, theirs.get());
  }
  theirs.Reset();
  int status = 0;
  waitpid(first, &status, 0);
  const Status ready = WaitUntilReady(local, flags.workers, errors.get());
  if (ready.code() == StatusCode::kDeadlineExceeded)
    (void)Down(local);  // nothing is left that would go on trying
  BRAID_RETURN_IF_ERROR(ready);
  BRAID_ASSIGN_OR_RETURN(const std::string address, local.Address());
  std::fprintf(
      stderr,
      "braid is up: coordinator at %s, %d workers of %d slots, state in %s%s; braid down ends it\n",
      address.c_str(), flags.workers, flags.slots, dir.c_str(), GpusText(flags).c_str());
  return kOkExit;
}

}  // namespace

Result<int> Down(const Globals& globals) {
  const std::string path = JoinPath(globals.dir, state_files::kUp);
  const Result<Json> json = ReadJsonFile(path);
  if (json.status().code() == StatusCode::kNotFound)
    return NotFound("braid is not up in " + globals.dir + " (there is no " + path + ")");
  BRAID_RETURN_IF_ERROR(json.status());
  const pid_t pid = MemberOr<pid_t>(json, "pid", 0);
  const auto start = MemberOr<uint64_t>(json, "start", 0);
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

void RegisterUp(const Registry& registry) {
  auto flags = std::make_shared<UpFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "up", "Start a coordinator and workers on this machine and keep them running");
  command
      ->add_option("--workers", flags->workers, "number of workers (default: 2, or 1 on one core)")
      ->check(CLI::Range(0, 256));
  command
      ->add_option("--slots", flags->slots, "CPU slots of each worker (default: cores / workers)")
      ->check(CLI::Range(1, 4096));
  command
      ->add_option(
          "--gpus", flags->gpus,
          "GPUs of worker-1 (the others have none): all, none, or UUIDs with commas between")
      ->capture_default_str();
  command->add_flag("--detach", flags->detach,
                    "return when everything is ready; braid down ends it");
  command
      ->add_option("--listen", flags->listen,
                   "loopback address of the API; port 0 takes a free one")
      ->capture_default_str();
  command->add_option("--http", flags->http, "loopback address of metrics and health")
      ->capture_default_str();
  command->add_option(
      "--http-host", flags->http_hosts,
      "a name that HTTP requests may call this machine by, besides localhost; may be repeated");
  command->add_option("--data-root", flags->data_roots,
                      "folder below which the workers may read corpora with a site in place; may "
                      "be repeated; without one, none are");
  command->add_option("--bin", flags->bin, "folder of braid's programs (default: beside this one)");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags]() -> Result<int> {
      const auto cores = static_cast<int32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
      if (flags->workers < 0) flags->workers = std::min(2, cores);
      if (flags->slots == 0) flags->slots = std::max(1, cores / std::max(1, flags->workers));
      if (!flags->detach) return RunForeground(globals, *flags);
      BRAID_ASSIGN_OR_RETURN(const int code, RunDetached(globals, *flags));
      if (globals.json()) {
        BRAID_ASSIGN_OR_RETURN(Json up, ReadJsonFile(JoinPath(globals.dir, state_files::kAddress)));
        up.update({{"dir", AbsolutePath(globals.dir)},
                   {"workers", flags->workers},
                   {"slots", flags->slots}});
        std::fputs(DumpJson(up).c_str(), stdout);
      }
      return code;
    };
  });
}

}  // namespace braid::cli
