// The interface through which the agent uses the stream to the coordinator. worker/rpc/ implements
// it with gRPC; tests and simulators have their own. What happens on it arrives as events
// (worker/agent/event.h).
#pragma once

#include <cstdint>

#include "worker/agent/values.h"

namespace braid::worker {

// worker/rpc/ implements it with gRPC, tests with a queue.
class SessionLink {
 public:
  virtual ~SessionLink() = default;

  // None of the functions waits for the network. At most one session is open at a time. Open is
  // answered by SessionOpened or SessionClosed.
  virtual void Open(int64_t session) = 0;

  // Answered by SignalSent or SessionClosed. Ignored if the session is not the open one.
  virtual void Send(int64_t session, const Signal& signal) = 0;
  virtual void Close(int64_t session) = 0;
};

}  // namespace braid::worker
