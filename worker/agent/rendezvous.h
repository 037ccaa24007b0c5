// The keys by which the ranks of a gang find each other, between one rank's program and the
// coordinator: one request after another, in the order in which the program made them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "worker/agent/calls.h"
#include "worker/agent/program_message.h"

namespace braid::worker {

class RendezvousRelay {
 public:
  struct Listener {
    // A control line for the program.
    std::function<void(const Json& control)> tell;
    std::function<void()> on_stale;
  };
  RendezvousRelay(Turn& turn, Calls& calls, const RankKey& key, Listener listener);

  void Ask(const RendezvousMessage& request);
  // The program has ended: nobody waits for keys any more.
  void Close();

 private:
  void Next();
  void Put(const RendezvousMessage& request);
  void Get();
  void OnGot(const Done& done);
  // Ends the first request.
  void Answer(const Status& status, const std::string* value);

  Turn& turn_;
  Calls& calls_;
  const RankKey key_;
  const CallOwner owner_;
  const Listener listener_;
  std::deque<RendezvousMessage> requests_;
  int64_t call_ = 0;
  int64_t deadline_ms_ = 0;  // of the first request
  Backoff backoff_;
};

}  // namespace braid::worker
