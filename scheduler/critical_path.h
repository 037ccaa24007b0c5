// The critical path of a run: how much work lies between a job and the end of its run.
#pragma once

#include <cstddef>
#include <vector>

namespace braid::scheduler {

// A job in the graph of its run.
struct PathNode {
  // The cost of the job itself, in any unit that is the same for all nodes (floating-point
  // operations).
  double cost = 0;
  // Indices of the jobs that it waits for; each is smaller than its own.
  std::vector<size_t> parents;
  // The job has ended and costs nothing any more.
  bool done = false;
};

// For each node of a graph in topological order: the cost of the most expensive chain of jobs that
// begins with it. Takes time linear in the number of edges.
std::vector<double> CostToEnd(const std::vector<PathNode>& nodes);

}  // namespace braid::scheduler
