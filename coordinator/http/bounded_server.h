// The library's HTTP server with bounds on what a stranger can cost: one request a connection, a
// head of at most 16 KiB that comes within 5 s, no bodies, a bounded number of connections at a
// time. An exception ends its connection and nothing else.
#pragma once

#include <httplib.h>

#include <atomic>
#include <functional>

namespace braid::coordinator {

class BoundedServer final : public httplib::Server {
 public:
  static constexpr size_t kMaxHeadBytes = 16 << 10;
  static constexpr int64_t kReadMs = 5'000;    // for the whole head
  static constexpr int64_t kWriteMs = 30'000;  // for the whole answer
  static constexpr size_t kThreads = 4;
  static constexpr size_t kMaxWaiting = 64;  // connections that no thread has time for; more are
                                             // closed at once

  // Answers every request that is whole, whatever its method and path.
  using Answer = std::function<void(const httplib::Request&, httplib::Response&)>;
  // `answer` is called in several threads at once.
  explicit BoundedServer(Answer answer);

  // Ends what is read and written; then stop() of the library.
  void Stop();

 private:
  // The library's hook for a new connection, in a thread of its pool.
  bool process_and_close_socket(socket_t socket) override;
  // Reads the head within its bounds, has it answered, and closes the connection.
  void Serve(socket_t socket);

  std::atomic<bool> stopping_{false};
};

}  // namespace braid::coordinator
