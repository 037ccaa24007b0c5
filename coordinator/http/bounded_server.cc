#include "coordinator/http/bounded_server.h"

#include <absl/strings/match.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace braid::coordinator {
namespace {

constexpr int64_t kLookMs = 100;  // how soon a stop is noticed
constexpr int64_t kDrainMs = 500;
constexpr std::string_view kEnd = "\r\n\r\n";

thread_local bool refusing = false;  // the connection in hand came when too many were waiting

// Threads and a queue that does not grow: what does not fit is run at once by the thread that
// accepts, which closes it.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  BoundedQueue() {
    for (size_t i = 0; i < BoundedServer::kThreads; ++i) threads_.emplace_back([this] { Run(); });
  }

  void enqueue(std::function<void()> work) override {
    {
      MutexLock lock(mutex_);
      if (queue_.size() < BoundedServer::kMaxWaiting) {
        queue_.push_back(std::move(work));
        changed_.NotifyOne();
        return;
      }
    }
    refusing = true;
    work();
    refusing = false;
  }

  void shutdown() override {
    {
      MutexLock lock(mutex_);
      closed_ = true;
      changed_.NotifyAll();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> work;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !closed_) changed_.Wait(mutex_);
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ BRAID_GUARDED_BY(mutex_);
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// Waits until the socket is ready for `events`; false at the deadline or at a stop.
bool WaitFor(socket_t socket, short events, int64_t deadline_ms,
             const std::atomic<bool>& stopping) {
  while (!stopping) {
    const int64_t left_ms = deadline_ms - SystemClock().MonotonicMs();
    if (left_ms <= 0) return false;
    pollfd entry{socket, events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::min(left_ms, kLookMs)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

bool SendAll(socket_t socket, std::string_view data, int64_t deadline_ms,
             const std::atomic<bool>& stopping) {
  while (!data.empty()) {
    const ssize_t n = send(socket, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      data.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
      return false;
    } else if (!WaitFor(socket, POLLOUT, deadline_ms, stopping)) {
      return false;
    }
  }
  return true;
}

// What the library reads is the head, and nothing comes after it; what it writes has a deadline.
class HeadStream final : public httplib::Stream {
 public:
  HeadStream(socket_t socket, std::string head, const std::atomic<bool>& stopping)
      : socket_(socket),
        head_(std::move(head)),
        deadline_ms_(SystemClock().MonotonicMs() + BoundedServer::kWriteMs),
        stopping_(stopping) {}

  bool is_readable() const override { return at_ < head_.size(); }
  bool is_writable() const override { return WaitFor(socket_, POLLOUT, deadline_ms_, stopping_); }
  ssize_t read(char* to, size_t size) override {
    const size_t count = std::min(size, head_.size() - at_);
    head_.copy(to, count, at_);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    return SendAll(socket_, {from, size}, deadline_ms_, stopping_) ? static_cast<ssize_t>(size)
                                                                   : -1;
  }
  // Nobody asks for the addresses, and the library looks at the number of a socket only to refuse
  // large ones.
  void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  socket_t socket() const override { return 0; }

 private:
  const socket_t socket_;
  const std::string head_;
  size_t at_ = 0;
  const int64_t deadline_ms_;
  const std::atomic<bool>& stopping_;
};

enum class Head { kWhole, kLate, kLarge };

Head ReadHead(socket_t socket, const std::atomic<bool>& stopping, std::string* head) {
  const int64_t deadline_ms = SystemClock().MonotonicMs() + BoundedServer::kReadMs;
  char piece[4096];
  while (true) {
    if (const size_t end = head->find(kEnd); end != std::string::npos) {
      head->resize(end + kEnd.size());
      return head->size() > BoundedServer::kMaxHeadBytes ? Head::kLarge : Head::kWhole;
    }
    if (head->size() > BoundedServer::kMaxHeadBytes) return Head::kLarge;
    if (!WaitFor(socket, POLLIN, deadline_ms, stopping)) return Head::kLate;
    const ssize_t n = recv(socket, piece, sizeof piece, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) return Head::kLate;
    if (n > 0) head->append(piece, static_cast<size_t>(n));
  }
}

// A part of an answer is of no use to anybody here, and the library's reading of ranges is not made
// for strangers.
std::string WithoutRanges(const std::string& head) {
  std::string kept;
  for (size_t begin = 0; begin < head.size();) {
    const size_t end = head.find('\n', begin);
    const std::string_view line(head.data() + begin,
                                (end == std::string::npos ? head.size() : end + 1) - begin);
    if (!absl::StartsWithIgnoreCase(absl::string_view(line.data(), line.size()), "range:"))
      kept += line;
    begin += line.size();
  }
  return kept;
}

// Closing on bytes that were not read would take the answer away from the client.
void DrainAndClose(socket_t socket, const std::atomic<bool>& stopping) {
  ::shutdown(socket, SHUT_WR);
  const int64_t deadline_ms = SystemClock().MonotonicMs() + kDrainMs;
  char piece[4096];
  while (WaitFor(socket, POLLIN, deadline_ms, stopping)) {
    const ssize_t n = recv(socket, piece, sizeof piece, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) break;
  }
  ::close(socket);
}

}  // namespace

BoundedServer::BoundedServer(Answer answer) {
  new_task_queue = [] { return new BoundedQueue; };
  set_payload_max_length(0);
  set_pre_routing_handler(
      [answer = std::move(answer)](const httplib::Request& request, httplib::Response& response) {
        answer(request, response);
        return HandlerResponse::Handled;
      });
  set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
        response.status = 500;
        response.set_content("internal error\n", "text/plain");
      });
}

void BoundedServer::Stop() {
  stopping_ = true;
  stop();
}

bool BoundedServer::process_and_close_socket(socket_t socket) {
  if (refusing) return ::close(socket) == 0;
  try {
    Serve(socket);
  } catch (const std::exception& error) {
    Log(LogLevel::kWarning, "coordinator",
        std::string("HTTP: a request ended with an exception: ") + error.what());
  } catch (...) {
    Log(LogLevel::kWarning, "coordinator", "HTTP: a request ended with an exception");
  }
  DrainAndClose(socket, stopping_);
  return true;
}

void BoundedServer::Serve(socket_t socket) {
  std::string head;
  const Head read = ReadHead(socket, stopping_, &head);
  if (read == Head::kLate) return;
  if (read == Head::kLarge) {
    (void)SendAll(socket,
                  "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: "
                  "close\r\nContent-Length: 0\r\n\r\n",
                  SystemClock().MonotonicMs() + kWriteMs, stopping_);
    return;
  }
  HeadStream stream(socket, WithoutRanges(head), stopping_);
  bool closed = false;
  (void)process_request(stream, /*close_connection=*/true, closed, nullptr);
}

}  // namespace braid::coordinator
