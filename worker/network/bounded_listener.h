// Accepts connections at a port that others can reach, a bounded number of them: for each address
// and in all, whatever is said on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace braid::worker {

// How many connections are open at a time; one more is closed at once.
struct ConnectionBounds {
  size_t in_all = 256;
  size_t of_an_address = 64;
};

// The connections that are open, by the addresses from which they come.
class ConnectionCounts {
 public:
  explicit ConnectionCounts(const ConnectionBounds& bounds) : bounds_(bounds) {}
  // Counts one more; false, and it is not counted, if there are as many as there may be.
  bool Take(const std::string& address);
  // One that was counted has ended.
  void Leave(const std::string& address);
  size_t in_all() const { return in_all_; }

 private:
  const ConnectionBounds bounds_;
  size_t in_all_ = 0;
  std::map<std::string, size_t> of_;
};

// Listens from its making to its end, in a thread of its own.
class BoundedListener {
 public:
  // Is given each connection, which does not block, and closes it. Called in the listener's thread.
  using Serve = std::function<void(UniqueFd)>;

  // Listens on the address (as numbers), at a port that the system chooses. Connections are
  // accepted once Begin is called.
  static Result<std::unique_ptr<BoundedListener>> Listen(const std::string& address,
                                                         const ConnectionBounds& bounds);
  ~BoundedListener();

  void Begin(Serve serve);
  int32_t port() const { return port_; }

 private:
  // One that is open, and where it comes from. The descriptor is a second one of the connection: it
  // hangs up when whoever serves it has closed it, and says so.
  struct Open {
    UniqueFd watched;
    std::string address;
  };
  BoundedListener(UniqueFd socket, UniqueFd wake, int32_t port, const ConnectionBounds& bounds);
  void Run(const Serve& serve);
  // False if there are no descriptors left for another one.
  bool Accept(const Serve& serve);

  const UniqueFd socket_;
  // An eventfd that ends Run.
  const UniqueFd wake_;
  const int32_t port_;
  // Of the thread alone.
  ConnectionCounts counts_;
  std::vector<Open> open_;
  std::thread thread_;
};

}  // namespace braid::worker
