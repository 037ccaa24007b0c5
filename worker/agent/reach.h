// Tests the connections to workers of other hosts: those that the coordinator names, when they are
// named and from time to time afterwards. The results go to the coordinator. Ranks of one job are
// only placed on hosts that have reached each other (scheduler/reach.h).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/calls.h"
#include "worker/agent/turn.h"
#include "worker/agent/values.h"

namespace braid::worker {

// A part of the agent.
class Reach {
 public:
  // Both outlive this.
  Reach(Turn& turn, Calls& calls) : turn_(turn), calls_(calls) {}

  // The peers to try from now on. One that is new or has changed is tried at once, and what was
  // known about it is forgotten; one that is not named any more is forgotten.
  void OnPeers(const std::vector<Peer>& peers);

  // The results for all peers that were tried, in the order of their names; and a version that
  // rises with every change of the report and is never 0.
  std::vector<PeerReach> Report() const;
  int64_t version() const { return version_; }

 private:
  // What is known of one peer.
  struct Known {
    Peer peer;
    // Absent until the first try has ended.
    std::optional<PeerReach> result;
    // Tries in a row that failed.
    int64_t failures = 0;
    // The try that is on its way, or the timer before the next one.
    int64_t call = 0;
    bool trying = false;
  };
  // The peer is tried after those that are queued already.
  void Queue(const std::string& worker);
  // Begins tries of the queue, a few at a time.
  void Next();
  // A try has ended. The next one follows after a pause, which grows while the peer is not reached.
  void OnTried(const std::string& worker, const Status& status);
  // Cancels its try or timer, and drops what is known.
  void Forget(std::map<std::string, Known>::iterator known);

  Turn& turn_;
  Calls& calls_;
  std::map<std::string, Known> known_;
  // Workers whose turn has come.
  std::deque<std::string> queue_;
  int64_t trying_ = 0;
  int64_t version_ = 1;
};

}  // namespace braid::worker
