#include "scheduler/order.h"

#include <algorithm>
#include <numeric>

namespace braid::scheduler {

std::vector<size_t> Order(const Snapshot& snapshot) {
  std::vector<size_t> order(snapshot.jobs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const JobView& first = snapshot.jobs[a];
    const JobView& second = snapshot.jobs[b];
    if (first.path_cost != second.path_cost) return first.path_cost > second.path_cost;
    return first.submitted_seq < second.submitted_seq;
  });
  return order;
}

}  // namespace braid::scheduler
