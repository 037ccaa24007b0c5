#include "worker/agent/ranks.h"

#include <algorithm>

#include "worker/agent/reconcile.h"
#include "worker/agent/session.h"

namespace braid::worker {
namespace {

// A kill takes milliseconds, unless the kernel holds the program.
constexpr int64_t kKillMs = 5'000;

}  // namespace

void Ranks::OnDesired(const DesiredState& desired, int64_t now_ms, Effects* effects) {
  Refuse(desired.refused_gpus, effects);
  desired_ = desired;
  Reconcile(now_ms, effects);
}

void Ranks::Reconcile(int64_t now_ms, Effects* effects) {
  std::set<RankKey> wanted;
  for (const Assignment& rank : desired_.ranks) wanted.insert(rank.key);
  std::erase_if(done_, [&](const RankKey& key) { return !wanted.contains(key); });
  std::map<RankKey, bool> have;
  for (const auto& [key, rank] : ranks_) have[key] = rank.stopping;
  const Actions actions = worker::Reconcile(have, desired_);
  for (const RankKey& key : actions.drop) Drop(key, now_ms, effects);
  for (const auto& [key, deadline_ms] : actions.stop) Stop(ranks_.at(key), deadline_ms, effects);
  for (const Assignment& assignment : actions.start) {
    if (done_.contains(assignment.key) || dropped_.contains(assignment.key) || draining_) continue;
    ranks_[assignment.key].assignment = assignment;
    changed_ = true;
  }
}

void Ranks::Drop(const RankKey& key, int64_t now_ms, Effects* effects) {
  auto rank = ranks_.extract(key);
  changed_ = true;
  if (!rank.mapped().begun) return;
  rank.mapped().slots_held_until_ms = now_ms + kKillMs;
  dropped_.insert(std::move(rank));
  effects->push_back(DropRank{key});
}

void Ranks::Stop(Held& rank, int64_t deadline_ms, Effects* effects) {
  rank.stopping = true;
  // What has not begun begins with a stop, and reports that.
  rank.assignment.stop = true;
  if (rank.begun) effects->push_back(StopRank{rank.assignment.key, deadline_ms});
}

void Ranks::StopAll(int64_t deadline_ms, Effects* effects) {
  for (auto& [key, rank] : ranks_) {
    if (!rank.stopping) Stop(rank, deadline_ms, effects);
  }
}

void Ranks::DropAll(int64_t now_ms, Effects* effects) {
  while (!ranks_.empty()) Drop(RankKey(ranks_.begin()->first), now_ms, effects);
}

void Ranks::Advance(int64_t now_ms, Effects* effects) {
  const bool held = std::any_of(dropped_.begin(), dropped_.end(), [&](const auto& entry) {
    return !entry.second.program_gone && now_ms < entry.second.slots_held_until_ms;
  });
  if (held) return;
  for (auto& [key, rank] : ranks_) {
    if (rank.begun) continue;
    rank.gpus = TakeGpus(rank.assignment.device == "cuda" ? rank.assignment.slots : 0);
    rank.begun = true;
    effects->push_back(StartRank{rank.assignment, rank.gpus});
  }
}

int64_t Ranks::NextWake() const {
  const bool waits = std::any_of(ranks_.begin(), ranks_.end(),
                                 [](const auto& entry) { return !entry.second.begun; });
  int64_t wake = waits ? 0 : kNever;
  for (const auto& [key, rank] : dropped_) {
    if (waits && !rank.program_gone) wake = std::max(wake, rank.slots_held_until_ms);
  }
  return wake;
}

void Ranks::OnProgressed(const RankProgressed& event) {
  const auto rank = ranks_.find(event.key);
  if (rank != ranks_.end()) rank->second.progress = event.progress;
}

void Ranks::OnProgramGone(const RankProgramGone& event) {
  for (auto* held : {&ranks_, &dropped_}) {
    const auto rank = held->find(event.key);
    if (rank != held->end()) rank->second.program_gone = true;
  }
}

void Ranks::OnFinished(const RankFinished& event, int64_t now_ms, Effects* effects) {
  if (ranks_.erase(event.key) > 0) {
    done_.insert(event.key);
    changed_ = true;
  } else if (dropped_.erase(event.key) == 0) {
    return;
  }
  effects->push_back(ForgetRank{event.key});
  Reconcile(now_ms, effects);  // it may be wanted again
}

std::vector<std::string> Ranks::TakeGpus(int32_t count) const {
  std::set<std::string> used;
  for (const auto& [key, rank] : ranks_) used.insert(rank.gpus.begin(), rank.gpus.end());
  for (const auto& [key, rank] : dropped_) {  // its program may not be gone yet
    if (!rank.program_gone) used.insert(rank.gpus.begin(), rank.gpus.end());
  }
  for (const RefusedGpu& gpu : desired_.refused_gpus) used.insert(gpu.uuid);
  std::vector<std::string> taken;
  for (const std::string& gpu : gpus_) {
    if (static_cast<int32_t>(taken.size()) < count && !used.contains(gpu)) taken.push_back(gpu);
  }
  return taken;
}

void Ranks::Refuse(const std::vector<RefusedGpu>& gpus, Effects* effects) {
  if (gpus == desired_.refused_gpus) return;
  for (const RefusedGpu& gpu : gpus)
    effects->push_back(LogLine{LogLevel::kWarning, "worker", gpu.reason});
  if (gpus.empty()) {
    effects->push_back(
        LogLine{LogLevel::kInfo, "worker", "all announced GPUs are this worker's now"});
  }
}

bool Ranks::DroppedProgramsAreGone() const {
  return std::all_of(dropped_.begin(), dropped_.end(),
                     [](const auto& entry) { return entry.second.program_gone; });
}

std::vector<RankStatus> Ranks::Inventory() const {
  std::vector<RankStatus> inventory;
  for (const auto& [key, rank] : ranks_) inventory.push_back({key, rank.progress});
  return inventory;
}

bool Ranks::TakeChanged() {
  const bool changed = changed_;
  changed_ = false;
  return changed;
}

}  // namespace braid::worker
