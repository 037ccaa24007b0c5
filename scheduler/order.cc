#include "scheduler/order.h"

#include <algorithm>
#include <tuple>

namespace braid::scheduler {

FairOrder::FairOrder(const Snapshot& snapshot) : snapshot_(snapshot), held_(snapshot.held) {
  for (const WorkerView& worker : snapshot.workers) {
    all_.cpu_slots += worker.cpu_slots;
    all_.gpus += worker.gpus;
  }
  for (size_t i = 0; i < snapshot.jobs.size(); ++i)
    lines_[snapshot.jobs[i].priority][snapshot.jobs[i].user].jobs.push_back(i);
  for (auto& [priority, users] : lines_) {
    for (auto& [user, line] : users) {
      std::stable_sort(line.jobs.begin(), line.jobs.end(),
                       [&](size_t a, size_t b) { return Before(a, b); });
    }
  }
}

// The order of two jobs of the same user and priority.
bool FairOrder::Before(size_t a, size_t b) const {
  const JobView& first = snapshot_.jobs[a];
  const JobView& second = snapshot_.jobs[b];
  return std::tie(first.submitted_wall_ms, first.run, second.path_cost, first.position) <
         std::tie(second.submitted_wall_ms, second.run, first.path_cost, second.position);
}

// The dominant share: the larger of the two parts.
double FairOrder::ShareOf(const std::string& user) const {
  const auto held = held_.find(user);
  if (held == held_.end()) return 0;
  const auto part = [](int64_t of, int64_t all) {
    return all > 0 ? static_cast<double>(of) / static_cast<double>(all) : 0;
  };
  return std::max(part(held->second.cpu_slots, all_.cpu_slots), part(held->second.gpus, all_.gpus));
}

std::optional<size_t> FairOrder::Next() {
  // Shares are compared anew at each turn, since Granted changes them within a pass.
  while (!lines_.empty()) {
    auto& users = lines_.rbegin()->second;
    // The run's id makes the order of equal shares and times deterministic.
    std::optional<std::tuple<double, int64_t, std::string>> least;
    auto next = users.end();
    for (auto it = users.begin(); it != users.end(); ++it) {
      const JobView& head = snapshot_.jobs[it->second.jobs[it->second.at]];
      const std::tuple<double, int64_t, std::string> turn(ShareOf(it->first),
                                                          head.submitted_wall_ms, head.run);
      if (!least.has_value() || turn < *least) {
        least = turn;
        next = it;
      }
    }
    if (next == users.end()) {
      lines_.erase(std::prev(lines_.end()));
      continue;
    }
    const size_t job = next->second.jobs[next->second.at];
    if (++next->second.at == next->second.jobs.size()) users.erase(next);
    return job;
  }
  return std::nullopt;
}

void FairOrder::Granted(size_t job) {
  const JobView& view = snapshot_.jobs[job];
  held_[view.user].Of(view.device) += view.slots * view.ranks;
}

}  // namespace braid::scheduler
