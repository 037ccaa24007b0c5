#include "scheduler/placement.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace braid::scheduler {
namespace {

bool Usable(const WorkerView& worker, const JobView& job) {
  return worker.connected && worker.admits && Matches(worker, job) && !job.excluded.contains(worker.id);
}

int64_t CachedInputs(const WorkerView& worker, const JobView& job) {
  return std::count_if(job.inputs.begin(), job.inputs.end(), [&](const auto& id) { return worker.cached.contains(id); });
}

std::optional<std::vector<size_t>> PlaceAtSite(const std::vector<WorkerView>& workers, const JobView& job,
                                               const std::vector<size_t>& candidates) {
  std::map<size_t, int64_t> free;
  for (const size_t w : candidates) free[w] = workers[w].Free(job.device);
  std::map<size_t, int64_t> taken;
  std::vector<size_t> ranks;
  for (int64_t rank = 0; rank < job.ranks; ++rank) {
    std::optional<size_t> best;
    // Not where it failed last, then few ranks of this gang, then a warm cache, then most room; the index breaks ties.
    const auto cost = [&](size_t w) {
      return std::tuple(workers[w].id == job.avoid, taken[w], -CachedInputs(workers[w], job), -free[w], w);
    };
    for (const size_t w : candidates) {
      if (free[w] >= job.slots && (!best.has_value() || cost(w) < cost(*best))) best = w;
    }
    if (!best.has_value()) return std::nullopt;
    free[*best] -= job.slots;
    ++taken[*best];
    ranks.push_back(*best);
  }
  return ranks;
}

}  // namespace

bool Matches(const WorkerView& worker, const JobView& job) {
  if (!job.site.empty() && worker.site != job.site) return false;
  if (!worker.kinds.empty() && std::find(worker.kinds.begin(), worker.kinds.end(), job.kind) == worker.kinds.end()) {
    return false;
  }
  return worker.Slots(job.device) >= job.slots;
}

std::optional<std::vector<size_t>> Place(const std::vector<WorkerView>& workers, const JobView& job,
                                         const std::set<size_t>& reserved) {
  std::map<std::string, std::vector<size_t>> by_site;
  for (size_t w = 0; w < workers.size(); ++w) {
    if (Usable(workers[w], job) && !reserved.contains(w)) by_site[workers[w].site].push_back(w);
  }
  std::optional<std::vector<size_t>> best;
  std::tuple<bool, int64_t> best_cost;
  for (const auto& [site, candidates] : by_site) {
    auto ranks = PlaceAtSite(workers, job, candidates);
    if (!ranks.has_value()) continue;
    const WorkerView& first = workers[ranks->front()];
    const std::tuple cost(first.id == job.avoid, -CachedInputs(first, job));
    if (!best.has_value() || cost < best_cost) {
      best = std::move(ranks);
      best_cost = cost;
    }
  }
  return best;
}

int64_t RanksThatFit(const std::vector<WorkerView>& workers, const JobView& job, bool empty) {
  std::map<std::string, int64_t> by_site;
  for (const WorkerView& worker : workers) {
    if (!Usable(worker, job)) continue;
    by_site[worker.site] += (empty ? worker.Slots(job.device) : std::max<int64_t>(0, worker.Free(job.device))) / job.slots;
  }
  int64_t most = 0;
  for (const auto& [site, ranks] : by_site) most = std::max(most, ranks);
  return most;
}

}  // namespace braid::scheduler
