#include "worker/program.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"

namespace braid::worker {

Program::Program(Hear hear)
    : hear_(std::move(hear)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Status Program::Start(const ProcessOptions& options, const std::string& mark) {
  BRAID_ASSIGN_OR_RETURN(auto process, Process::Start(options));
  BRAID_RETURN_IF_ERROR(
      WriteJsonFile(mark, {{"pid", process->pid()}, {"start", ProcessStartTime(process->pid())}}));
  MutexLock lock(socket_mutex_);
  process_ = std::move(process);
  return OkStatus();
}

void Program::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void Program::Stop(int64_t deadline_ms) {
  stop_deadline_ms_.store(SystemClock().MonotonicMs() + deadline_ms);
  stop_asked_.store(true);
  Wake();
}

void Program::Kill() {
  kill_asked_.store(true);
  Wake();
}

void Program::Control(const Json& control) {
  MutexLock lock(socket_mutex_);
  if (process_ == nullptr || process_->socket() < 0) return;
  const std::string text = control.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  (void)!send(process_->socket(), text.data(), text.size(), MSG_NOSIGNAL);
}

void Program::Serve() {
  while (true) {
    pollfd fds[3] = {
        {process_->socket(), POLLIN, 0}, {process_->pidfd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    int64_t timeout = -1;
    if (stop_sent_)
      timeout = std::max<int64_t>(0, stop_deadline_ms_.load() - SystemClock().MonotonicMs());
    if (poll(fds, 3, static_cast<int>(timeout)) < 0 && errno != EINTR) break;
    if (fds[2].revents != 0) {
      uint64_t count = 0;
      (void)!read(wake_.get(), &count, sizeof count);
    }
    Obey();
    if (fds[0].revents != 0) ReadLines();
    if (process_->Wait(0)) {
      ReadLines();  // what it said last
      return;
    }
  }
}

void Program::Obey() {
  if (kill_asked_.load()) process_->Signal(SIGKILL);
  if (stop_asked_.load() && !stop_sent_) {
    stop_sent_ = true;
    Control({{"control", "stop"},
             {"deadline_ms", stop_deadline_ms_.load() - SystemClock().MonotonicMs()}});
  }
  if (stop_sent_ && SystemClock().MonotonicMs() >= stop_deadline_ms_.load())
    process_->Signal(SIGKILL);
}

void Program::ReadLines() {
  char piece[65536];
  while (process_->socket() >= 0) {
    const ssize_t n = recv(process_->socket(), piece, sizeof piece, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    if (n == 0) {
      MutexLock lock(socket_mutex_);
      process_->CloseSocket();
      return;
    }
    lines_.append(piece, static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end; (end = lines_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      HearLine(std::string_view(lines_).substr(begin, end - begin));
    }
    lines_.erase(0, begin);
  }
}

void Program::HearLine(std::string_view line) {
  const Result<Json> event = ParseJson(line, "a line of the task program");
  if (event.ok() && event->is_object()) hear_(ValueOr(*event, "event", ""), *event);
}

void KillMarked(const std::string& mark) {
  const Result<Json> json = ReadJsonFile(mark);
  if (!json.ok()) return;
  const pid_t pid = ValueOr(*json, "pid", 0);
  // The start time tells our old child from a stranger that got its number.
  if (pid > 1 && ProcessStartTime(pid) != 0 &&
      ProcessStartTime(pid) == ValueOr(*json, "start", uint64_t{0}))
    kill(-pid, SIGKILL);
}

}  // namespace braid::worker
