#include "worker/attempt/program.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace braid::worker {

Program::Program() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Status Program::Start(const ProcessOptions& options, const std::string& pid_file) {
  BRAID_ASSIGN_OR_RETURN(auto process, Process::Start(options));
  // Written before anything else can fail, so that a process which outlives a crashed worker is
  // found by the next one.
  BRAID_RETURN_IF_ERROR(WriteJsonFile(
      pid_file, {{"pid", process->pid()}, {"start", ProcessStartTime(process->pid())}}));
  MutexLock lock(socket_mutex_);
  process_ = std::move(process);
  return OkStatus();
}

void Program::Kill() {
  kill_asked_.store(true);
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void Program::Tell(const Json& control) {
  MutexLock lock(socket_mutex_);
  if (process_ == nullptr || process_->socket() < 0) return;
  const std::string text = control.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  (void)!send(process_->socket(), text.data(), text.size(), MSG_NOSIGNAL);
}

void Program::Serve(const std::function<void(std::string_view line)>& on_line) {
  while (true) {
    pollfd fds[3] = {
        {process_->socket(), POLLIN, 0}, {process_->pidfd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) break;
    if (fds[2].revents != 0) {
      uint64_t count = 0;
      (void)!read(wake_.get(), &count, sizeof count);
    }
    // In each round, because Kill may have been called before the process existed.
    if (kill_asked_.load()) process_->Signal(SIGKILL);
    if (fds[0].revents != 0) ReadLines(on_line);
    if (process_->Wait(0)) {
      ReadLines(on_line);  // what it said last
      return;
    }
  }
}

void Program::ReadLines(const std::function<void(std::string_view line)>& on_line) {
  char piece[65536];
  while (process_->socket() >= 0) {
    const ssize_t n = recv(process_->socket(), piece, sizeof piece, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    // Nothing to read now; the poll loop calls again.
    if (n < 0) return;
    if (n == 0) {
      MutexLock lock(socket_mutex_);
      process_->CloseSocket();
      return;
    }
    lines_.append(piece, static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end; (end = lines_.find('\n', begin)) != std::string::npos; begin = end + 1)
      on_line(std::string_view(lines_).substr(begin, end - begin));
    lines_.erase(0, begin);
  }
}

}  // namespace braid::worker
