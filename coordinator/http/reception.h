// Reads what clients send, before a thread is spent on any of them: one thread waits for the heads
// and bodies of all connections, each within bounds and a deadline, and hands over whole requests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "coordinator/http/connection.h"

namespace braid::coordinator {

// A request as it came in.
struct Received {
  std::shared_ptr<Connection> connection;
  std::string head;  // up to and with the empty line
  std::string body;
  // Why it is not whole: it begins as TLS does where that is not spoken, its head or its body is
  // too large, or its body has no length.
  enum class Wrong {
    kNothing,
    kTls,
    kHeadTooLarge,
    kBodyTooLarge,
    kNoLength
  } wrong = Wrong::kNothing;
  // True once nobody waits for the answer: the client has closed, or the server stops.
  std::function<bool()> gone;
};

class Reception {
 public:
  static constexpr size_t kMaxHeadBytes = 16 << 10;
  static constexpr size_t kMaxBodyBytes = 4 << 20;
  static constexpr size_t kMaxHeldBytes = 32 << 20;  // of all connections together
  static constexpr size_t kMaxConnections = 128;     // that are being read
  static constexpr int64_t kHeadMs = 5'000;          // for TLS's handshake, too
  static constexpr int64_t kBodyMs = 30'000;

  // `hand_over` is called in the reception's thread and must not wait.
  explicit Reception(std::function<void(Received)> hand_over);
  ~Reception() { Stop(); }

  // One too many is closed at once.
  void Add(std::unique_ptr<Connection> connection);
  // Closes all connections that are being read.
  void Stop();

 private:
  struct Arrival {
    Received received;
    std::string bytes;        // read so far
    size_t head_bytes = 0;    // 0: the head has not ended yet
    size_t body_bytes = 0;    // as its length says
    int64_t deadline_ms = 0;  // of what is being read
    short events = 0;         // what poll() waits for
  };
  enum class Step { kMore, kWhole, kGone };

  void Run();
  void Wait();
  void ReadAll(const std::vector<bool>& readable);
  Step ReadOne(Arrival* arrival);
  Step Take(std::string_view piece, Arrival* arrival);
  Step HeadEnded(Arrival* arrival);
  void Finish(Arrival* arrival);

  const std::function<void(Received)> hand_over_;
  UniqueFd wake_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> added_ BRAID_GUARDED_BY(mutex_);
  size_t count_ BRAID_GUARDED_BY(mutex_) = 0;
  bool stopping_ BRAID_GUARDED_BY(mutex_) = false;
  // Of the thread alone.
  std::vector<Arrival> arrivals_;
  size_t held_bytes_ = 0;
  std::thread thread_;
};

}  // namespace braid::coordinator
