#include "worker/agent/reconcile.h"

#include <set>

namespace braid::worker {

Actions Reconcile(const std::map<RankKey, bool>& have, const DesiredState& desired) {
  Actions actions;
  std::set<RankKey> wanted;
  for (const Assignment& rank : desired.ranks) {
    wanted.insert(rank.key);
    const auto held = have.find(rank.key);
    if (held == have.end()) {
      actions.start.push_back(rank);
    } else if (rank.stop && !held->second) {
      actions.stop.emplace_back(rank.key, rank.stop_timeout_ms);
    }
  }
  for (const auto& [key, stopping] : have) {
    // The coordinator no longer knows the rank: nobody would take its report.
    if (!wanted.contains(key)) actions.drop.push_back(key);
  }
  return actions;
}

}  // namespace braid::worker
