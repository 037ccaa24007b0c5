#include "worker/agent/reach.h"

#include <algorithm>
#include <utility>

namespace braid::worker {
namespace {

// The owner of probes in Calls. A few at a time: a peer that drops packets holds a try until its
// time is over.
constexpr char kReachOwner[] = "reach";
constexpr int64_t kAtOnce = 4;
// Between two tries of a peer that is reached: often enough to notice a line that swallows what is
// sent, while the ranks of a gang still wait for each other.
constexpr int64_t kAgainMs = 30'000;
// After the first try that fails; doubled with each further one.
constexpr int64_t kPeerRetryMs = 2'000;
constexpr int64_t kMaxPeerRetryMs = 60'000;
// A peer that was reached is reached until it was not twice in a row: one lost packet is no news.
constexpr int64_t kFailuresToLose = 2;

}  // namespace

void Reach::OnPeers(const std::vector<Peer>& peers) {
  std::map<std::string, const Peer*> named;
  for (const Peer& peer : peers) named[peer.worker] = &peer;
  for (auto known = known_.begin(); known != known_.end();) {
    const auto same = named.find(known->first);
    const bool stays = same != named.end() && *same->second == known->second.peer;
    const auto next = std::next(known);
    if (!stays) Forget(known);
    known = next;
  }
  for (const auto& [worker, peer] : named) {
    if (!known_.try_emplace(worker, Known{.peer = *peer}).second) continue;
    Queue(worker);
  }
  Next();
}

void Reach::Forget(std::map<std::string, Known>::iterator known) {
  if (known->second.call != 0) calls_.Cancel(known->second.call);
  if (known->second.trying) --trying_;
  std::erase(queue_, known->first);
  if (known->second.result.has_value()) ++version_;
  known_.erase(known);
}

void Reach::Queue(const std::string& worker) {
  queue_.push_back(worker);
}

void Reach::Next() {
  while (!queue_.empty() && trying_ < kAtOnce) {
    const std::string worker = std::move(queue_.front());
    queue_.pop_front();
    Known& known = known_.at(worker);
    known.trying = true;
    ++trying_;
    known.call = calls_.Once(kReachOwner, ProbePeer{known.peer},
                             [this, worker](const Done& done) { OnTried(worker, done.status); });
  }
}

void Reach::OnTried(const std::string& worker, const Status& status) {
  Known& known = known_.at(worker);
  known.trying = false;
  --trying_;
  known.failures = status.ok() ? 0 : known.failures + 1;
  PeerReach now{worker, known.peer.boot_id, known.peer.asked, status.ok(),
                status.ok() ? "" : status.message()};
  const bool was_reached = known.result.has_value() && known.result->reached;
  if (status.ok() || !was_reached || known.failures >= kFailuresToLose) {
    if (!known.result.has_value() || known.result->reached != now.reached) {
      turn_.Say(now.reached ? LogLevel::kInfo : LogLevel::kWarning, "worker",
                now.reached ? "ranks here can connect to those of worker " + worker
                            : "ranks here cannot connect to those of worker " + worker + " (" +
                                  now.why + ")");
    }
    if (known.result != now) ++version_;
    known.result = std::move(now);
  }
  const int64_t doublings = std::min<int64_t>(std::max<int64_t>(known.failures - 1, 0), 10);
  const int64_t pause_ms = status.ok() ? kAgainMs
                                       : std::min(kMaxPeerRetryMs, kPeerRetryMs << doublings);
  known.call = calls_.Later(kReachOwner, pause_ms, [this, worker] {
    Queue(worker);
    Next();
  });
  Next();
}

std::vector<PeerReach> Reach::Report() const {
  std::vector<PeerReach> report;
  for (const auto& [worker, known] : known_) {
    if (known.result.has_value()) report.push_back(*known.result);
  }
  return report;
}

}  // namespace braid::worker
