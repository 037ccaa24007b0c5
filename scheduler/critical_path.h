// How much work lies between a job and the end of its run.
#pragma once

#include <cstddef>
#include <vector>

namespace braid::scheduler {

struct PathNode {
  double cost = 0;              // of the job itself, in any unit that is the same for all
  std::vector<size_t> parents;  // indices of nodes before this one
  bool done = false;            // costs nothing any more
};

// For each node of a DAG in topological order: its cost and that of the dearest chain of children
// after it.
std::vector<double> CostToEnd(const std::vector<PathNode>& nodes);

}  // namespace braid::scheduler
