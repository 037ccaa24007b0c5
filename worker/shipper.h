// Carries growing files (a log, metric lines) to the coordinator by offset; a piece sent twice
// changes nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "worker/stop_signal.h"

namespace braid::worker {

class Shipper {
 public:
  using Send = std::function<Result<int64_t>(int64_t offset, std::string_view data)>;

  // Sends what `path` gains, a few times a second, in a thread of its own.
  Shipper(std::string path, Send send, StopSignal& stop);
  ~Shipper();
  // Waits until everything that is in the file now has been sent. kCancelled on `stop`, or the
  // error that ended the shipping.
  Status Flush();
  // Sends everything that is in the file now, however long the coordinator is away, and ends.
  // kCancelled on `stop`.
  Status Drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braid::worker
