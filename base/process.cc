#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/mutex.h"
#include "base/text.h"

extern char** environ;

namespace braid {
namespace {

// The first descriptor after the standard streams. Its number is passed to the child in
// BRAID_TASK_FD.
constexpr int kTaskFd = 3;

// The descriptor through which the child, until exec, tells its parent why it could not start.
constexpr int kErrorFd = 4;

// The process ids that Process objects wait for. The mutex is held from a fork until the new id is
// in the set, and while orphans are looked for: otherwise ReapOrphans could reap a new child before
// its Process knows it, and the exit status would be lost.
struct Children {
  Mutex mutex;
  std::set<pid_t> pids BRAID_GUARDED_BY(mutex);
};
Children& Own() {
  static Children& children = *new Children();
  return children;
}

// The limit that this process began with; 0: it was not raised.
rlim_t& FirstDescriptorLimit() {
  static rlim_t limit = 0;
  return limit;
}

// Everything the child needs, allocated before the fork: between fork and exec of a program with
// threads only async-signal-safe functions may be called, and malloc is not one of them.
struct Prepared {
  std::vector<char*> argv;
  std::vector<std::string> env_text;
  std::vector<char*> env;
  int output = -1;
  int standard_output = -1;
  int socket = -1;
  pid_t parent = 0;
  int error_pipe = -1;
  rlim_t descriptors = 0;
};

Prepared Prepare(const ProcessOptions& options) {
  Prepared prepared;
  for (const std::string& argument : options.argv)
    prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  std::map<std::string, std::string> env;
  for (char** item = environ; options.inherit_env && *item != nullptr; ++item) {
    const std::string text = *item;
    if (const size_t equals = text.find('='); equals != std::string::npos)
      env[text.substr(0, equals)] = text.substr(equals + 1);
  }
  // A task that starts braid programs must not pass its own socket on to them.
  env.erase("BRAID_TASK_FD");
  for (const auto& [name, value] : options.env) env[name] = value;
  if (options.task_socket) env["BRAID_TASK_FD"] = std::to_string(kTaskFd);
  for (const auto& [name, value] : env) prepared.env_text.push_back(name + "=" + value);
  for (std::string& text : prepared.env_text) prepared.env.push_back(text.data());
  prepared.env.push_back(nullptr);
  prepared.parent = getpid();
  prepared.descriptors = FirstDescriptorLimit();
  return prepared;
}

[[noreturn]] void RunChild(const Prepared& prepared) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent ended before prctl took effect, so the kernel would not kill this child.
  if (getppid() != prepared.parent) _exit(127);
  // Blocked and ignored signals are inherited through exec, and the task programs rely on the
  // defaults.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_DFL);
  // Batch systems send it to all processes of a job. It is a request for a checkpoint to a task
  // program (docs/tasks.md), and must not end one that has only begun to start.
  signal(SIGUSR1, SIG_IGN);
  rlimit limit{};
  if (prepared.descriptors > 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = prepared.descriptors;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
  const int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  if (prepared.output >= 0) {
    dup2(prepared.output, 1);
    dup2(prepared.output, 2);
  }
  if (prepared.standard_output >= 0) dup2(prepared.standard_output, 1);
  // The socket and the pipe go to fixed numbers. They are duplicated to high numbers first, since
  // either may have the number that the other is to get. All other descriptors are closed: an
  // inherited lock or socket would stay open as long as the child.
  const int pipe_high = fcntl(prepared.error_pipe, F_DUPFD, 64);
  const int socket_high = prepared.socket >= 0 ? fcntl(prepared.socket, F_DUPFD, 64) : -1;
  if (socket_high >= 0) {
    dup2(socket_high, kTaskFd);
  } else {
    close(kTaskFd);
  }
  dup3(pipe_high, kErrorFd, O_CLOEXEC);
  syscall(SYS_close_range, kErrorFd + 1, ~0U, 0);
  execve(prepared.argv[0], prepared.argv.data(), prepared.env.data());
  const int error = errno;
  (void)!write(kErrorFd, &error, sizeof error);
  _exit(127);
}

}  // namespace

Result<std::unique_ptr<Process>> Process::Start(const ProcessOptions& options) {
  Prepared prepared = Prepare(options);
  UniqueFd output, standard_output, theirs;
  auto process = std::unique_ptr<Process>(new Process());
  for (const auto& [path, fd, into] :
       {std::tuple{&options.output, &output, &prepared.output},
        {&options.standard_output, &standard_output, &prepared.standard_output}}) {
    if (path->empty()) continue;
    fd->Reset(open(path->c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644));
    if (!fd->valid()) return ErrnoStatus(errno, "opening " + *path);
    *into = fd->get();
  }
  if (options.task_socket) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
      return ErrnoStatus(errno, "making a socket pair");
    process->socket_.Reset(pair[0]);
    theirs.Reset(pair[1]);
    prepared.socket = pair[1];
  }
  int errors[2];
  if (pipe2(errors, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  // The pipe closes itself at a successful exec. What comes through it is the errno of a child that
  // could not become the program.
  UniqueFd error_read(errors[0]), error_write(errors[1]);
  prepared.error_pipe = error_write.get();
  {
    Children& own = Own();
    MutexLock lock(own.mutex);
    // Under the lock, so that the reaper of children knows the process before it can end.
    process->pid_ = fork();
    if (process->pid_ == 0) RunChild(prepared);
    if (process->pid_ > 0) own.pids.insert(process->pid_);
  }
  if (process->pid_ < 0) {
    process->ended_ = true;
    return ErrnoStatus(errno, "starting " + options.argv[0]);
  }
  error_write.Reset();
  process->pidfd_.Reset(static_cast<int>(syscall(SYS_pidfd_open, process->pid_, 0)));
  if (!process->pidfd_.valid()) return ErrnoStatus(errno, "watching " + options.argv[0]);
  int error = 0;
  ssize_t n = 0;
  do {
    n = read(error_read.get(), &error, sizeof error);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof error) {
    // The child has ended by itself; its zombie goes.
    process->Wait(-1);
    return ErrnoStatus(error, "starting " + options.argv[0]);
  }
  return process;
}

Process::~Process() {
  if (ended_) return;
  Signal(SIGKILL);
  Wait(-1);
}

void Process::Signal(int signal) const {
  if (!ended_) kill(-pid_, signal);
}

bool Process::Wait(int64_t timeout_ms) {
  if (ended_) return true;
  pollfd poll_fd{pidfd_.get(), POLLIN, 0};
  if (pidfd_.valid()) {
    int ready = 0;
    do {
      ready = poll(&poll_fd, 1, static_cast<int>(timeout_ms));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return false;
  }
  // Children of the child may still run. They are killed before the leader is reaped: afterwards
  // its id, which is the id of the group too, may belong to another group by now.
  kill(-pid_, SIGKILL);
  int status = 0;
  rusage usage{};
  {
    // It has ended: this does not block. Its number may be used again as soon as it is reaped.
    Children& own = Own();
    MutexLock lock(own.mutex);
    while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    own.pids.erase(pid_);
  }
  exit_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  exit_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  exit_.max_rss_bytes = usage.ru_maxrss * 1024;
  ended_ = true;
  return true;
}

uint64_t ProcessStartTime(pid_t pid) {
  const Result<std::string> stat = ReadFile(Format("/proc/%d/stat", pid));
  if (!stat.ok()) return 0;
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return 0;
  const std::vector<std::string> fields = Split(std::string_view(*stat).substr(name_end + 2), ' ');
  return fields.size() > 19 ? std::strtoull(fields[19].c_str(), nullptr, 10) : 0;  // field 22 of
                                                                                   // proc(5)
}

std::string ProgramFolder() {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  return n <= 0 ? "." : std::string(FolderOf(std::string_view(path, static_cast<size_t>(n))));
}

void BecomeSubreaper() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  FirstDescriptorLimit() = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int ReapOrphans() {
  Children& own = Own();
  MutexLock lock(own.mutex);
  int reaped = 0;
  while (true) {
    siginfo_t next{};
    if (waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) != 0 || next.si_pid == 0) break;
    if (own.pids.contains(next.si_pid))
      break;  // its Process comes for it soon; what is behind it can wait
    if (waitpid(next.si_pid, nullptr, WNOHANG) == next.si_pid) ++reaped;
  }
  return reaped;
}

}  // namespace braid
