// The stream to the coordinator, as the worker's decisions see it: rpc/ has it over gRPC, tests and
// simulators have their own. What happens on it arrives as events (event.h).
#pragma once

#include <cstdint>

#include "worker/agent/values.h"

namespace braid::worker {

class SessionLink {
 public:
  virtual ~SessionLink() = default;
  // None of these waits for the network. At most one session is open at a time.
  // SessionOpened or SessionClosed follows.
  virtual void Open(int64_t session) = 0;
  // SignalSent follows, or SessionClosed. Nothing, if the session is not the open one.
  virtual void Send(int64_t session, const Signal& signal) = 0;
  virtual void Close(int64_t session) = 0;
};

}  // namespace braid::worker
