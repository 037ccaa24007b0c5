#include "scheduler/critical_path.h"

#include <algorithm>

namespace braid::scheduler {

std::vector<double> CostToEnd(const std::vector<PathNode>& nodes) {
  std::vector<double> cost(nodes.size(), 0);
  for (size_t i = nodes.size(); i-- > 0;) {
    cost[i] += nodes[i].done ? 0 : nodes[i].cost;
    for (const size_t parent : nodes[i].parents) cost[parent] = std::max(cost[parent], cost[i]);
  }
  return cost;
}

}  // namespace braid::scheduler
