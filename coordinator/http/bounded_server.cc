#include "coordinator/http/bounded_server.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <poll.h>
#include <sys/socket.h>

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

bool SendAll(Connection* connection, std::string_view data, int64_t deadline_ms,
             const std::atomic<bool>& stopping) {
  while (!data.empty()) {
    const rpc::Moved moved = connection->Write(data);
    if (moved.state == rpc::Moved::State::kOver) return false;
    data.remove_prefix(moved.bytes);
    if (moved.state == rpc::Moved::State::kLater &&
        !WaitFor(connection->socket(), moved.events, deadline_ms, stopping))
      return false;
  }
  return true;
}

// What the library reads is the head, and nothing comes after it; what it writes has a deadline.
class HeadStream final : public httplib::Stream {
 public:
  HeadStream(Connection* connection, std::string head, bool is_long,
             const std::atomic<bool>& stopping)
      : connection_(connection),
        head_(std::move(head)),
        is_long_(is_long),
        deadline_ms_(SystemClock().MonotonicMs() + BoundedServer::kWriteMs),
        stopping_(stopping) {}

  bool is_readable() const override { return at_ < head_.size(); }
  bool is_writable() const override {
    return !connection_->HasHungUp() &&
           WaitFor(connection_->socket(), POLLOUT, Deadline(), stopping_);
  }
  ssize_t read(char* to, size_t size) override {
    const size_t count = std::min(size, head_.size() - at_);
    head_.copy(to, count, at_);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    return SendAll(connection_, {from, size}, Deadline(), stopping_) ? static_cast<ssize_t>(size)
                                                                     : -1;
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

  Connection* const connection_;
  const std::string head_;
  const bool is_long_;
  size_t at_ = 0;
  const int64_t deadline_ms_;
  const std::atomic<bool>& stopping_;
};

bool IsHeader(absl::string_view line, absl::string_view name) {
  return absl::StartsWithIgnoreCase(line, name) && absl::StartsWith(line.substr(name.size()), ":");
}

// Whether a header Accept-Encoding takes gzip: names it, and not with the weight 0.
bool TakesGzip(absl::string_view line) {
  constexpr char kGzip[] = "gzip";
  const std::string lower = absl::AsciiStrToLower(line);
  const size_t at = lower.find(kGzip);
  if (at == std::string::npos) return false;
  std::string weight = lower.substr(at + sizeof kGzip - 1);
  weight = weight.substr(0, weight.find_first_of(",\r\n"));
  std::erase(weight, ' ');
  return !weight.starts_with(";q=0") || weight.find_first_not_of("0.", 4) != std::string::npos;
}

// The library's reading of ranges is not made for strangers, who get whole answers; its waiting for
// bodies is done already. Where a client takes Brotli, the library would compress with it as well
// as it can, which takes 50 times as long as gzip: a second for a list of 200 runs.
std::string ForLibrary(const std::string& head) {
  std::string kept;
  for (size_t begin = 0; begin < head.size();) {
    const size_t end = head.find('\n', begin);
    const absl::string_view line(head.data() + begin,
                                 (end == std::string::npos ? head.size() : end + 1) - begin);
    if (IsHeader(line, "accept-encoding")) {
      if (TakesGzip(line)) kept += "Accept-Encoding: gzip\r\n";
    } else if (!IsHeader(line, "range") && !IsHeader(line, "expect")) {
      kept.append(line.data(), line.size());
    }
    begin += line.size();
  }
  return kept;
}

// Closing on bytes that were not read would take the answer away from the client. They are not
// decrypted.
void EndAndDrain(Connection* connection, const std::atomic<bool>& stopping) {
  connection->EndAnswer();
  const int64_t deadline_ms = SystemClock().MonotonicMs() + kDrainMs;
  char piece[4096];
  while (WaitFor(connection->socket(), POLLIN, deadline_ms, stopping)) {
    const ssize_t n = recv(connection->socket(), piece, sizeof piece, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) break;
  }
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

BoundedServer::BoundedServer(Answer answer, IsLong is_long,
                             std::unique_ptr<rpc::SessionFactory> tls)
    : is_long_(std::move(is_long)), tls_(std::move(tls)) {
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
  UniqueFd owned(socket);
  if (tls_ == nullptr) {
    reception_->Add(std::make_unique<Connection>(std::move(owned)));
  } else if (auto session = tls_->Begin(socket); session != nullptr) {
    reception_->Add(std::make_unique<Connection>(std::move(owned), std::move(session)));
  }
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
    (void)received.connection->Write(kBusy);
    received.connection->EndAnswer();
    return;
  }
  ++count;
  received.gone = [this, connection = received.connection] {
    return stopping_ || connection->HasHungUp();
  };
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
    EndAndDrain(shared->connection.get(), stopping_);
    if (is_long) --count;
  };
  try {
    (is_long ? long_threads_ : short_threads_)->Do(work);
  } catch (const std::exception& error) {  // the system has no thread for the first one
    --count;
    Log(LogLevel::kError, "coordinator",
        std::string("HTTP: a request is dropped: ") + error.what());
  }
}

void BoundedServer::Serve(const Received& received, bool is_long) {
  // Something that is no TLS, at once: the client then knows what is wrong.
  if (received.wrong == Received::Wrong::kTls) return Refuse(received, "400 Bad Request");
  if (received.wrong == Received::Wrong::kHeadTooLarge)
    return Refuse(received, "431 Request Header Fields Too Large");
  HeadStream stream(received.connection.get(), ForLibrary(received.head), is_long, stopping_);
  bool closed = false;
  in_hand = &received;
  (void)process_request(stream, /*close_connection=*/true, closed, nullptr);
  in_hand = nullptr;
}

void BoundedServer::Refuse(const Received& received, std::string_view status_line) {
  (void)SendAll(
      received.connection.get(),
      "HTTP/1.1 " + std::string(status_line) + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      SystemClock().MonotonicMs() + kWriteMs, stopping_);
}

}  // namespace braid::coordinator
