#include "pool/need.h"

#include <algorithm>

#include "pool/memory.h"

namespace braid::pool {
namespace {

int64_t CeilOf(int64_t amount, int64_t part) {
  return (amount + part - 1) / part;
}

// How many ranks of these jobs one worker has room for.
int64_t RanksOnOne(const Settings& settings, const Demand& demand) {
  const task::Requirements& job = demand.requirements;
  const int64_t room = job.device == Device::kCuda ? settings.gpus : settings.cpu_slots;
  if (job.slots <= 0) return 0;
  if (job.memory_bytes == 0) return room / job.slots;
  // 0 if it is not known what memory a worker would have: workers could be asked for again and
  // again that have too little.
  return std::min(room / job.slots, MemoryOfWorker(settings) / job.memory_bytes);
}

// Takes up to `count` workers from the allocation, idle ones first; returns how many.
int64_t TakeFrom(Supply* supply, int64_t count) {
  const int64_t idle = std::min(supply->idle, count);
  const int64_t coming = std::min(supply->coming, count - idle);
  supply->idle -= idle;
  supply->coming -= coming;
  return idle + coming;
}

}  // namespace

bool Serves(const Settings& settings, const Demand& demand) {
  const task::Requirements& job = demand.requirements;
  if (!job.site.empty() && job.site != settings.site) return false;
  if (!settings.kinds.empty() &&
      std::find(settings.kinds.begin(), settings.kinds.end(), job.kind) == settings.kinds.end())
    return false;
  return RanksOnOne(settings, demand) > 0;
}

bool LacksMemory(const Settings& settings, const Demand& demand) {
  Demand without = demand;
  without.requirements.memory_bytes = 0;
  return !Serves(settings, demand) && Serves(settings, without);
}

std::vector<Allocation> AllocationsFor(const Settings& settings,
                                       const std::vector<Demand>& demands) {
  std::vector<Allocation> gangs, singles;
  for (const Demand& demand : demands) {
    if (!Serves(settings, demand)) continue;
    const int64_t on_one = RanksOnOne(settings, demand);
    const int64_t ranks = demand.requirements.ranks;
    const bool gang = ranks > on_one;
    // No more than the pool may have: of ten thousand jobs that wait, the rest waits on.
    const int64_t count = std::min(settings.max_workers,
                                   gang ? demand.jobs : CeilOf(demand.jobs * ranks, on_one));
    for (int64_t i = 0; i < count; ++i) {
      if (gang)
        gangs.push_back({CeilOf(ranks, on_one), demand.run});
      else
        singles.push_back({1, demand.run});
    }
  }
  gangs.insert(gangs.end(), singles.begin(), singles.end());
  return gangs;
}

std::vector<Allocation> Missing(std::vector<Allocation> wanted, std::vector<Supply> supply) {
  std::erase_if(wanted, [&](const Allocation& allocation) {
    // The smallest that is large enough, so that a large one is left for a large gang.
    Supply* best = nullptr;
    for (Supply& one : supply) {
      const int64_t room = one.idle + one.coming;
      if (room >= allocation.workers && (best == nullptr || room < best->idle + best->coming))
        best = &one;
    }
    if (best == nullptr) return false;
    (void)TakeFrom(best, allocation.workers);
    return true;
  });
  return wanted;
}

}  // namespace braid::pool
