// Relays the requests of one rank's program to the coordinator's key-value table, through which the
// ranks of a gang find each other. Requests are answered one after another, in the order in which
// the program made them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "worker/agent/calls.h"
#include "worker/agent/program_message.h"

namespace braid::worker {

// The requests of one rank. A part of the agent.
class RendezvousRelay {
 public:
  // Callbacks to the rank.
  struct Listener {
    // Sends a control line to the program.
    std::function<void(const Json& control)> tell;
    // The coordinator refused a request as STALE_LEASE.
    std::function<void()> on_stale;
  };
  RendezvousRelay(Turn& turn, Calls& calls, const RankKey& key, Listener listener);

  // Queues a request; the answer goes to Listener::tell.
  void Ask(const RendezvousMessage& request);

  // To be called when the program has ended. Requests without an answer are dropped.
  void Close();

 private:
  // Begins the first request of the queue. Get waits in calls of limited length, until the key is
  // set or the request's time is over.
  void Next();
  // Carries out the first request of the queue, by its kind.
  void Put(const RendezvousMessage& request);
  void Get();
  // The value has come, or nobody has set it within the call's time: then it is asked for again,
  // until the deadline.
  void OnGot(const Done& done);

  // Answers the first request and begins the next. `value` is null for a put and for an error.
  void Answer(const Status& status, const std::string* value);

  Turn& turn_;
  Calls& calls_;
  const RankKey key_;
  const CallOwner owner_;
  const Listener listener_;
  std::deque<RendezvousMessage> requests_;
  int64_t call_ = 0;
  // When the first request times out (monotonic).
  int64_t deadline_ms_ = 0;
  Backoff backoff_;
};

}  // namespace braid::worker
