// The library's HTTP server with bounds on what a stranger can cost: one request a connection,
// whose head and body come within bounds and deadlines (reception.h), a bounded number of requests
// at a time, and answers that take long apart from those that do not. An exception ends its
// connection and nothing else.
#pragma once

#include <httplib.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "coordinator/http/reception.h"

namespace braid::coordinator {

class BoundedServer final : public httplib::Server {
 public:
  static constexpr int64_t kWriteMs = 30'000;  // for a whole answer; of a long one for each piece
  static constexpr size_t kThreads = 8;
  static constexpr size_t kMaxWaiting = 64;  // whole requests that no thread has time for; more are
                                             // answered with 503 at once
  static constexpr size_t kMaxLong = 64;     // long answers at a time

  // Answers every request that is whole, whatever its method and path, but for its body.
  using Answer =
      std::function<void(const httplib::Request&, const Received& received, httplib::Response*)>;
  // Whether the answer to this path may take longer than others, as a stream does.
  using IsLong = std::function<bool(std::string_view path)>;
  // With `tls`, connections are under TLS, but for those of clients that begin without it
  // (Received::connection says so).
  BoundedServer(Answer answer, IsLong is_long, std::unique_ptr<rpc::SessionFactory> tls = nullptr);
  ~BoundedServer() override;

  // After binding: lets more connections wait to be accepted than the library's five, as a browser
  // opens several at once.
  void WidenBacklog();

  // Ends what is read and written; then stop() of the library.
  void Stop();

 private:
  bool process_and_close_socket(socket_t socket) override;
  void HandOver(Received received);
  void Serve(const Received& received, bool is_long);
  void Refuse(const Received& received, std::string_view status_line);

  const IsLong is_long_;
  const std::unique_ptr<rpc::SessionFactory> tls_;  // of the thread that accepts; null: plain
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> waiting_{0}, long_{0};
  std::unique_ptr<ThreadPool> short_threads_, long_threads_;
  std::unique_ptr<Reception> reception_;
};

}  // namespace braid::coordinator
