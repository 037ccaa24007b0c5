#include "coordinator/http/bounded_server.h"

#include <absl/strings/match.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace braid::coordinator {
namespace {

constexpr int64_t kLookMs = 100;  // how soon a stop is noticed
constexpr int64_t kDrainMs = 500;

// What the thread in hand has received.
thread_local const Received* in_hand = nullptr;

// Accepts, and passes on at once.
class NoQueue final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> work) override { work(); }
  void shutdown() override {}
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

// The client has closed its side, or the connection is broken.
bool HasHungUp(socket_t socket) {
  char byte;
  const ssize_t n = recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

// What the library reads is the head, and nothing comes after it; what it writes has a deadline.
class HeadStream final : public httplib::Stream {
 public:
  HeadStream(socket_t socket, std::string head, bool is_long, const std::atomic<bool>& stopping)
      : socket_(socket),
        head_(std::move(head)),
        is_long_(is_long),
        deadline_ms_(SystemClock().MonotonicMs() + BoundedServer::kWriteMs),
        stopping_(stopping) {}

  bool is_readable() const override { return at_ < head_.size(); }
  bool is_writable() const override {
    return !HasHungUp(socket_) && WaitFor(socket_, POLLOUT, Deadline(), stopping_);
  }
  ssize_t read(char* to, size_t size) override {
    const size_t count = std::min(size, head_.size() - at_);
    head_.copy(to, count, at_);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    return SendAll(socket_, {from, size}, Deadline(), stopping_) ? static_cast<ssize_t>(size) : -1;
  }
  // Nobody asks for the addresses, and the library looks at the number of a socket only to refuse
  // large ones.
  void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  socket_t socket() const override { return 0; }

 private:
  int64_t Deadline() const {
    return is_long_ ? SystemClock().MonotonicMs() + BoundedServer::kWriteMs : deadline_ms_;
  }

  const socket_t socket_;
  const std::string head_;
  const bool is_long_;
  size_t at_ = 0;
  const int64_t deadline_ms_;
  const std::atomic<bool>& stopping_;
};

// The library's reading of ranges is not made for strangers, who get whole answers; its waiting for
// bodies is done already.
std::string ForLibrary(const std::string& head) {
  std::string kept;
  for (size_t begin = 0; begin < head.size();) {
    const size_t end = head.find('\n', begin);
    const absl::string_view line(head.data() + begin,
                                 (end == std::string::npos ? head.size() : end + 1) - begin);
    if (!absl::StartsWithIgnoreCase(line, "range:") && !absl::StartsWithIgnoreCase(line, "expect:"))
      kept.append(line.data(), line.size());
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

// The path of a request line, "GET /api/v1/x?y=z HTTP/1.1", decoded as the library decodes it
// before it answers.
std::string PathOf(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const size_t begin = std::min(line.find(' '), line.size());
  const std::string_view target = line.substr(std::min(begin + 1, line.size()));
  return httplib::detail::decode_url(std::string(target.substr(0, target.find_first_of(" ?#"))),
                                     false);
}

}  // namespace

BoundedServer::BoundedServer(Answer answer, IsLong is_long) : is_long_(std::move(is_long)) {
  new_task_queue = [] { return new NoQueue; };
  set_payload_max_length(0);
  set_pre_routing_handler(
      [answer = std::move(answer)](const httplib::Request& request, httplib::Response& response) {
        answer(request, *in_hand, &response);
        return HandlerResponse::Handled;
      });
  set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
        response.status = 500;
        response.set_content("internal error\n", "text/plain");
      });
  short_threads_ = std::make_unique<ThreadPool>(kThreads);
  long_threads_ = std::make_unique<ThreadPool>(kMaxLong);
  reception_ = std::make_unique<Reception>(
      [this](Received received) { HandOver(std::move(received)); });
}

BoundedServer::~BoundedServer() {
  stopping_ = true;
  reception_->Stop();
  short_threads_.reset();
  long_threads_.reset();
}

void BoundedServer::WidenBacklog() {
  (void)::listen(svr_sock_, SOMAXCONN);
}

void BoundedServer::Stop() {
  stopping_ = true;
  stop();
  reception_->Stop();
  short_threads_.reset();
  long_threads_.reset();
}

bool BoundedServer::process_and_close_socket(socket_t socket) {
  reception_->Add(socket);
  return true;
}

void BoundedServer::HandOver(Received received) {
  const bool is_long = is_long_(PathOf(received.head));
  std::atomic<size_t>& count = is_long ? long_ : waiting_;
  if (count >= (is_long ? kMaxLong : kMaxWaiting)) {
    // What fits into the socket's buffer is sent without waiting.
    constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
        "Content-Length: 0\r\n\r\n";
    (void)send(received.socket, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(received.socket);
    return;
  }
  ++count;
  received.gone = [this, socket = received.socket] { return stopping_ || HasHungUp(socket); };
  const auto shared = std::make_shared<const Received>(std::move(received));
  const auto work = [this, shared, is_long, &count] {
    if (!is_long) --count;
    try {
      Serve(*shared, is_long);
    } catch (const std::exception& error) {
      Log(LogLevel::kWarning, "coordinator",
          std::string("HTTP: a request ended with an exception: ") + error.what());
    } catch (...) {
      Log(LogLevel::kWarning, "coordinator", "HTTP: a request ended with an exception");
    }
    DrainAndClose(shared->socket, stopping_);
    if (is_long) --count;
  };
  try {
    (is_long ? long_threads_ : short_threads_)->Do(work);
  } catch (const std::exception& error) {  // the system has no thread for the first one
    --count;
    ::close(shared->socket);
    Log(LogLevel::kError, "coordinator",
        std::string("HTTP: a request is dropped: ") + error.what());
  }
}

void BoundedServer::Serve(const Received& received, bool is_long) {
  if (received.wrong == Received::Wrong::kHeadTooLarge)
    return Refuse(received, "431 Request Header Fields Too Large");
  HeadStream stream(received.socket, ForLibrary(received.head), is_long, stopping_);
  bool closed = false;
  in_hand = &received;
  (void)process_request(stream, /*close_connection=*/true, closed, nullptr);
  in_hand = nullptr;
}

void BoundedServer::Refuse(const Received& received, std::string_view status_line) {
  (void)SendAll(
      received.socket,
      "HTTP/1.1 " + std::string(status_line) + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      SystemClock().MonotonicMs() + kWriteMs, stopping_);
}

}  // namespace braid::coordinator
