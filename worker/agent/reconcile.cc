#include "worker/agent/reconcile.h"

namespace braid::worker {

Actions Reconcile(const std::set<RankKey>& have, const DesiredState& desired) {
  Actions actions;
  std::set<RankKey> wanted;
  for (const Assignment& rank : desired.ranks) {
    wanted.insert(rank.key);
    if (!have.contains(rank.key)) {
      actions.start.push_back(rank);
    } else if (rank.stop) {
      actions.stop.emplace_back(rank.key, rank.stop_timeout_ms);
    }
  }
  for (const RankKey& key : have) {
    // The coordinator no longer knows the rank: nobody would take its report.
    if (!wanted.contains(key)) actions.drop.push_back(key);
  }
  return actions;
}

}  // namespace braid::worker
