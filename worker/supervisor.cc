#include "worker/supervisor.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/log.h"

namespace braid::worker {
namespace {

constexpr int64_t kKillMs = 5'000;

}  // namespace

Supervisor::Supervisor(RankContext context, std::vector<Gpu> gpus)
    : context_(std::move(context)), gpus_(std::move(gpus)) {}

Supervisor::~Supervisor() {
  MutexLock lock(mutex_);
  for (auto& [key, rank] : ranks_) rank->Drop();
  ranks_.clear();
}

void Supervisor::Collect() {
  std::erase_if(leaving_, [](const auto& entry) { return entry.second->finished(); });
  for (auto it = ranks_.begin(); it != ranks_.end();) {
    if (!it->second->finished()) {
      ++it;
      continue;
    }
    done_.insert(it->first);
    it = ranks_.erase(it);
  }
}

std::vector<std::string> Supervisor::TakeGpus(int64_t count) {
  std::set<std::string> used;
  for (const auto& [key, rank] : ranks_) used.insert(rank->gpus().begin(), rank->gpus().end());
  for (const auto& [key, rank] : leaving_) {  // its program may not be gone yet
    if (rank->running()) used.insert(rank->gpus().begin(), rank->gpus().end());
  }
  for (const RefusedGpu& gpu : refused_gpus_) used.insert(gpu.uuid);
  std::vector<std::string> taken;
  for (const Gpu& gpu : gpus_) {
    if (static_cast<int64_t>(taken.size()) < count && !used.contains(gpu.uuid))
      taken.push_back(gpu.uuid);
  }
  return taken;
}

void Supervisor::Drop(const std::vector<RankKey>& keys) {
  for (const RankKey& key : keys) {
    const auto rank = ranks_.find(key);
    rank->second->Drop();
    leaving_.emplace_back(key, std::move(rank->second));
    ranks_.erase(rank);
  }
  // The programs must be gone before their slots are used again; a kill takes milliseconds. Their
  // threads may take longer, and nobody waits for those: the next beat must not be late.
  const int64_t deadline = SystemClock().MonotonicMs() + kKillMs;
  const auto gone = [](const auto& entry) { return !entry.second->running(); };
  while (!std::all_of(leaving_.begin(), leaving_.end(), gone) &&
         SystemClock().MonotonicMs() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Supervisor::Refuse(const std::vector<RefusedGpu>& gpus) {
  if (gpus == refused_gpus_) return;
  for (const RefusedGpu& gpu : gpus) Log(LogLevel::kWarning, "worker", gpu.why);
  if (gpus.empty()) Log(LogLevel::kInfo, "worker", "all announced GPUs are this worker's now");
  refused_gpus_ = gpus;
}

bool Supervisor::Leaving(const RankKey& key) const {
  return std::any_of(leaving_.begin(), leaving_.end(),
                     [&](const auto& entry) { return entry.first == key; });
}

void Supervisor::Apply(const Desired& desired) {
  MutexLock lock(mutex_);
  Collect();
  Refuse(desired.refused_gpus);
  std::set<RankKey> wanted;
  for (const Assignment& rank : desired.ranks) wanted.insert(rank.key);
  std::erase_if(done_, [&](const RankKey& key) { return !wanted.contains(key); });
  std::map<RankKey, bool> have;
  for (const auto& [key, rank] : ranks_) have[key] = rank->stopping();
  const Actions actions = Reconcile(have, desired);
  Drop(actions.drop);
  for (const auto& [key, deadline_ms] : actions.stop) ranks_[key]->Stop(deadline_ms);
  for (const Assignment& assignment : actions.start) {
    if (done_.contains(assignment.key) || Leaving(assignment.key) || draining()) continue;
    std::vector<std::string> gpus = TakeGpus(assignment.device == "cuda" ? assignment.slots : 0);
    ranks_[assignment.key] = std::make_unique<Rank>(context_, assignment, std::move(gpus));
  }
}

void Supervisor::StopAll(int64_t deadline_ms) {
  const int64_t deadline = SystemClock().MonotonicMs() + deadline_ms;
  {
    MutexLock lock(mutex_);
    for (auto& [key, rank] : ranks_) {
      if (!rank->stopping()) rank->Stop(deadline_ms);
    }
  }
  while (SystemClock().MonotonicMs() < deadline) {
    {
      MutexLock lock(mutex_);
      Collect();
      if (ranks_.empty()) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::vector<Supervisor::RankView> Supervisor::Inventory() {
  MutexLock lock(mutex_);
  Collect();
  std::vector<RankView> views;
  for (const auto& [key, rank] : ranks_) views.push_back({key, rank->progress()});
  return views;
}

}  // namespace braid::worker
