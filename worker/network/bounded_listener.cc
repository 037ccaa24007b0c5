#include "worker/network/bounded_listener.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "worker/network/socket_address.h"

namespace braid::worker {
namespace {

// After an accept that fails for want of descriptors: the connection stays in the queue, and poll
// would return at once.
constexpr int kAcceptPauseMs = 500;
constexpr int kBacklog = 128;  // of the kernel, until the thread takes them

}  // namespace

bool ConnectionCounts::Take(const std::string& address) {
  if (in_all_ >= bounds_.in_all) return false;
  size_t& own = of_[address];
  if (own >= bounds_.of_an_address) return false;
  ++own;
  ++in_all_;
  return true;
}

void ConnectionCounts::Leave(const std::string& address) {
  const auto own = of_.find(address);
  if (--own->second == 0) of_.erase(own);
  --in_all_;
}

BoundedListener::BoundedListener(UniqueFd socket, UniqueFd wake, int32_t port,
                                 const ConnectionBounds& bounds)
    : socket_(std::move(socket)), wake_(std::move(wake)), port_(port), counts_(bounds) {}

Result<std::unique_ptr<BoundedListener>> BoundedListener::Listen(const std::string& address,
                                                                 const ConnectionBounds& bounds) {
  BRAID_ASSIGN_OR_RETURN(SocketAddress place, SocketAddress::Of(address, 0));
  UniqueFd fd(socket(place.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid() || bind(fd.get(), place.get(), place.size) != 0 ||
      listen(fd.get(), kBacklog) != 0 || getsockname(fd.get(), place.get(), &place.size) != 0)
    return ErrnoStatus(errno, "listening on " + address);
  // What is accepted inherits it.
  const int one = 1;
  (void)setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "making an eventfd");
  return std::unique_ptr<BoundedListener>(
      new BoundedListener(std::move(fd), std::move(wake), place.port(), bounds));
}

void BoundedListener::Begin(Serve serve) {
  thread_ = std::thread([this, serve = std::move(serve)] { Run(serve); });
}

BoundedListener::~BoundedListener() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void BoundedListener::Run(const Serve& serve) {
  bool paused = false;
  while (true) {
    std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0},
                                  {paused ? -1 : socket_.get(), POLLIN, 0}};
    for (const Open& one : open_) polled.push_back({one.watched.get(), 0, 0});
    (void)poll(polled.data(), polled.size(), paused ? kAcceptPauseMs : -1);
    if (polled[0].revents != 0) return;
    std::vector<Open> rest;
    for (size_t i = 0; i < open_.size(); ++i) {
      if (polled[i + 2].revents == 0)
        rest.push_back(std::move(open_[i]));
      else
        counts_.Leave(open_[i].address);
    }
    open_ = std::move(rest);
    paused = polled[1].revents != 0 && !Accept(serve);
  }
}

bool BoundedListener::Accept(const Serve& serve) {
  SocketAddress from;
  from.size = sizeof from.storage;
  UniqueFd fd(accept4(socket_.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  std::string address = from.Host();
  if (!counts_.Take(address)) return true;
  UniqueFd watched(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!watched.valid()) {
    counts_.Leave(address);
    return false;
  }
  open_.push_back({std::move(watched), std::move(address)});
  serve(std::move(fd));
  return true;
}

}  // namespace braid::worker
