#include "worker/network/probe.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/hmac.h"
#include "base/log.h"
#include "base/text.h"
#include "worker/network/socket_address.h"

namespace braid::worker {
namespace {

// The beginning names protocol and version. 128 random bits make a nonce unique.
constexpr std::string_view kMagic = "braidp1\n";
constexpr size_t kNonceBytes = 16;
// For a stranger, or a peer on a line that has just broken, to say all that it has to say.
constexpr int64_t kPatienceMs = 2'000;
// After an accept that fails for want of descriptors: the connection stays in the queue, and poll
// would return at once.
constexpr int64_t kPauseMs = 500;

static_assert(kProbeBytes == kMagic.size() + kNonceBytes + kProbeAnswerBytes);

// Waits until the socket is ready for `events`. False if it is not at the deadline: a process that
// stood still until then still takes what has arrived.
bool Await(int fd, short events, int64_t deadline_ms) {
  while (true) {
    const int64_t left_ms = std::max<int64_t>(0, deadline_ms - SystemClock().MonotonicMs());
    pollfd one{fd, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(left_ms));
    if (ready > 0) return true;
    if (ready < 0 ? errno != EINTR : left_ms == 0) return false;
  }
}

// What a system call says, without the name of the call: "No route to host".
Status Refused(const std::string& where, int error) {
  return Unavailable(where + ": " + std::strerror(error));
}

Status Connect(int fd, const SocketAddress& target, const std::string& where, int64_t deadline_ms) {
  if (connect(fd, target.get(), target.size) == 0) return OkStatus();
  if (errno != EINPROGRESS) return Refused(where, errno);
  if (!Await(fd, POLLOUT, deadline_ms))
    return Unavailable(where + ": no answer; perhaps a firewall drops what is sent there");
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? OkStatus() : Refused(where, error);
}

// A connection of the listener.
struct Caller {
  UniqueFd fd;
  std::string said;
  int64_t deadline_ms = 0;
};

// Reads what there is, and answers if it is a probe. False if the connection is over.
bool Hear(Caller& caller, std::string_view key) {
  char piece[kProbeBytes];
  const ssize_t n = recv(caller.fd.get(), piece, kProbeBytes - caller.said.size(), MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  caller.said.append(piece, static_cast<size_t>(n));
  if (caller.said.size() < kProbeBytes) return true;
  const std::string answer = ProbeAnswer(key, caller.said);
  // So few bytes always fit into the buffer of a new connection.
  if (!answer.empty())
    (void)send(caller.fd.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return false;
}

}  // namespace

std::string ProbeRequest(std::string_view key, std::string_view nonce) {
  const std::string salt(nonce);
  return std::string(kMagic) + salt + HmacSha256(key, "ask" + salt);
}

std::string ProbeAnswer(std::string_view key, std::string_view request) {
  if (request.size() != kProbeBytes || !request.starts_with(kMagic)) return "";
  const std::string nonce(request.substr(kMagic.size(), kNonceBytes));
  if (!SameSecret(request, ProbeRequest(key, nonce))) return "";
  return HmacSha256(key, "answer" + nonce);
}

Status Probe(const std::string& address, int32_t port, std::string_view key, int64_t timeout_ms) {
  const int64_t deadline_ms = SystemClock().MonotonicMs() + timeout_ms;
  const std::string where = address + " port " + std::to_string(port);
  BRAID_ASSIGN_OR_RETURN(const SocketAddress target, SocketAddress::Of(address, port));
  BRAID_ASSIGN_OR_RETURN(const std::string nonce, SecretBytes(kNonceBytes));
  const UniqueFd fd(socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Refused(where, errno);
  BRAID_RETURN_IF_ERROR(Connect(fd.get(), target, where, deadline_ms));
  const std::string request = ProbeRequest(key, nonce);
  if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return Refused(where, errno);
  std::string answer;
  while (answer.size() < kProbeAnswerBytes) {
    if (!Await(fd.get(), POLLIN, deadline_ms))
      return Unavailable(where + ": the connection opens, and nothing comes through it");
    char piece[kProbeAnswerBytes];
    const ssize_t n = recv(fd.get(), piece, kProbeAnswerBytes - answer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) break;
    answer.append(piece, static_cast<size_t>(n));
  }
  // Compared in constant time. The nonce makes an answer from an earlier probe worthless.
  if (SameSecret(answer, ProbeAnswer(key, request))) return OkStatus();
  return Unavailable(where +
                     ": another program answers there, or another machine has this address");
}

ProbeListener::ProbeListener(UniqueFd socket, UniqueFd wake, int32_t port, std::string key)
    : socket_(std::move(socket)),
      wake_(std::move(wake)),
      port_(port),
      key_(std::move(key)),
      thread_([this] { Serve(); }) {}

Result<std::unique_ptr<ProbeListener>> ProbeListener::Listen(const std::string& address,
                                                             std::string key) {
  BRAID_ASSIGN_OR_RETURN(SocketAddress target, SocketAddress::Of(address, 0));
  UniqueFd fd(socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid() || !wake.valid() || bind(fd.get(), target.get(), target.size) != 0 ||
      listen(fd.get(), kMostAtOnce) != 0)
    return ErrnoStatus(errno, "listening for probes at " + address);
  if (getsockname(fd.get(), target.get(), &target.size) != 0)
    return ErrnoStatus(errno, "listening for probes at " + address);
  return std::unique_ptr<ProbeListener>(
      new ProbeListener(std::move(fd), std::move(wake), target.port(), std::move(key)));
}

ProbeListener::~ProbeListener() {
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void ProbeListener::Serve() {
  std::vector<Caller> callers;
  int64_t accept_from_ms = 0;
  while (true) {
    const int64_t now_ms = SystemClock().MonotonicMs();
    std::erase_if(callers, [&](const Caller& caller) { return now_ms >= caller.deadline_ms; });
    const bool accepts = callers.size() < kMostAtOnce && now_ms >= accept_from_ms;
    std::vector<pollfd> fds = {{wake_.get(), POLLIN, 0}, {accepts ? socket_.get() : -1, POLLIN, 0}};
    // A negative descriptor is left out by poll.
    int64_t wake_ms = accept_from_ms > now_ms ? accept_from_ms : now_ms + 3'600'000;
    for (const Caller& caller : callers) {
      fds.push_back({caller.fd.get(), POLLIN, 0});
      wake_ms = std::min(wake_ms, caller.deadline_ms);
    }
    if (poll(fds.data(), fds.size(), static_cast<int>(wake_ms - now_ms)) < 0 && errno != EINTR) {
      Log(LogLevel::kError, "worker", "probes are not answered any more: poll failed");
      return;
    }
    if (fds[0].revents != 0) return;
    for (size_t i = callers.size(); i-- > 0;) {
      if (fds[i + 2].revents != 0 && !Hear(callers[i], key_))
        callers.erase(callers.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (!accepts || fds[1].revents == 0) continue;
    UniqueFd fd(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      callers.push_back({std::move(fd), "", SystemClock().MonotonicMs() + kPatienceMs});
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      accept_from_ms = now_ms + kPauseMs;
    }
  }
}

}  // namespace braid::worker
