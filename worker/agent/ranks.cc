#include "worker/agent/ranks.h"

#include <algorithm>
#include <utility>

#include "worker/agent/reconcile.h"

namespace braid::worker {
namespace {

// How long slots are kept for a killed program. A kill takes milliseconds, unless the program waits
// in the kernel, in a driver for example; the machine must not stand idle for that.
constexpr int64_t kKillMs = 5'000;

}  // namespace

Ranks::Ranks(const Rank::Services& services, std::string worker, std::vector<std::string> gpus,
             const std::vector<KeptRank>& kept)
    : services_(services),
      turn_(services.turn),
      worker_(std::move(worker)),
      gpus_(std::move(gpus)) {
  for (const KeptRank& rank : kept)
    recovered_[rank.assignment.key] = std::make_unique<Rank>(services_, rank);
}

void Ranks::Recover() {
  std::vector<RankKey> of_others;
  for (auto& [key, rank] : recovered_) {
    const Owner& owner = rank->owner();
    if (!owner.worker.empty() && owner.worker != worker_) {
      of_others.push_back(key);
    } else if (!owner.coordinator.empty()) {
      undecided_.insert(key);  // listed as being delivered until the coordinator has said who it is
      turn_.Say(
          LogLevel::kInfo, rank->assignment(),
          "an earlier process of this worker has kept on the disk what it made for coordinator " +
              owner.coordinator + ": it is delivered when that one answers");
    } else {
      rank->Recover();
    }
  }
  for (const RankKey& key : of_others) {
    SetAside(key, "it was leased to worker " + recovered_.at(key)->owner().worker +
                      ", and this is worker " + worker_ + ": start it with --id " +
                      recovered_.at(key)->owner().worker);
  }
}

void Ranks::RecoverOf(const std::string& coordinator) {
  for (const RankKey& key : std::exchange(undecided_, {})) {
    const auto rank = recovered_.find(key);
    if (rank == recovered_.end()) continue;
    const std::string owner = rank->second->owner().coordinator;
    if (owner == coordinator) {
      rank->second->Recover();
      continue;
    }
    SetAside(key,
             "it was made for coordinator " + owner + ", and the one that this worker calls is " +
                 (coordinator.empty() ? "of an earlier version" : "coordinator " + coordinator) +
                 ": start the worker for that one");
  }
}

void Ranks::SetAside(const RankKey& key, const std::string& why) {
  turn_.Say(LogLevel::kWarning, recovered_.at(key)->assignment(),
            "what an earlier process of this worker kept on the disk is not delivered: " + why +
                " to deliver it, or remove its folder below outbox/ to drop it");
  set_aside_[key] = recovered_.at(key)->owner();
  recovered_.erase(key);
  changed_ = true;
}

void Ranks::OnDesired(const DesiredState& desired) {
  RecoverOf(desired.coordinator);
  LogRefusedGpus(desired.refused_gpus);
  desired_ = desired;
  Reconcile();
}

void Ranks::Reconcile() {
  std::set<RankKey> wanted;
  for (const Assignment& rank : desired_.ranks) wanted.insert(rank.key);
  std::erase_if(done_, [&](const RankKey& key) { return !wanted.contains(key); });
  std::set<RankKey> have;
  for (const auto& [key, rank] : ranks_) have.insert(key);
  const Actions actions = worker::Reconcile(have, desired_);
  for (const RankKey& key : actions.drop) MoveToDropped(key).Drop();
  for (const auto& [key, deadline_ms] : actions.stop) ranks_.at(key)->Stop(deadline_ms);
  for (const Assignment& assignment : actions.start) {
    const RankKey& key = assignment.key;
    // The set may be older than what happened here: an end that was reported meanwhile, a program
    // that is still going, an end of an earlier process.
    if (done_.contains(key) || dropped_.contains(key) || recovered_.contains(key) ||
        set_aside_.contains(key) || abandoned_)
      continue;
    ranks_[key] = std::make_unique<Rank>(services_, Owner{desired_.coordinator, worker_},
                                         assignment);
    if (draining_) ranks_[key]->Stop(0);
    changed_ = true;
  }
}

Rank& Ranks::MoveToDropped(const RankKey& key) {
  auto rank = ranks_.extract(key);
  Dropped& dropped = dropped_[key] = {std::move(rank.mapped()), turn_.now_ms + kKillMs};
  changed_ = true;
  return *dropped.rank;
}

void Ranks::StopAll(int64_t deadline_ms) {
  for (auto& [key, rank] : ranks_) rank->Stop(deadline_ms);
}

void Ranks::AbandonAll() {
  draining_ = abandoned_ = true;
  for (auto& [key, dropped] : dropped_) dropped.rank->Abandon();
  while (!ranks_.empty()) MoveToDropped(RankKey(ranks_.begin()->first)).Abandon();
  for (auto& [key, rank] : recovered_) rank->Abandon();
}

Rank* Ranks::Find(const RankKey& key) const {
  if (const auto rank = ranks_.find(key); rank != ranks_.end()) return rank->second.get();
  if (const auto rank = dropped_.find(key); rank != dropped_.end()) return rank->second.rank.get();
  return nullptr;
}

void Ranks::Advance() {
  Forget();
  for (auto& [key, rank] : ranks_) {
    if (rank->begun() || SlotsAreHeld() || MustWaitForDrain(*rank)) continue;
    const Assignment& assignment = rank->assignment();
    rank->Begin(TakeGpus(assignment.device == braid::Device::kCuda ? assignment.slots : 0));
  }
}

void Ranks::Forget() {
  // A rank that is being dropped may be in the coordinator's newest set again (OnDesired skips it
  // then). It starts when the last of its predecessor is gone, because both have the same folder.
  // The same holds for a rank of an earlier process.
  bool wanted_again = false;
  for (auto& [key, dropped] : dropped_) dropped.rank->Settle();
  for (auto& [key, rank] : ranks_) rank->Settle();
  for (auto& [key, rank] : recovered_) rank->Settle();
  std::erase_if(recovered_, [&](const auto& entry) {
    if (!entry.second->finished()) return false;
    return changed_ = wanted_again = true;
  });
  std::erase_if(dropped_, [&](const auto& entry) {
    wanted_again = wanted_again || entry.second.rank->finished();
    return entry.second.rank->finished();
  });
  std::erase_if(ranks_, [&](const auto& entry) {
    if (!entry.second->finished()) return false;
    done_.insert(entry.first);
    return changed_ = true;
  });
  if (wanted_again) Reconcile();
}

// A rank that is reported as not begun before the coordinator knows that the worker drains would be
// offered to this worker again.
bool Ranks::MustWaitForDrain(const Rank& rank) const {
  return draining_ && !drain_is_known_ && rank.stopping();
}

bool Ranks::SlotsAreHeld() const {
  return std::any_of(dropped_.begin(), dropped_.end(), [&](const auto& entry) {
    return entry.second.rank->has_program() && turn_.now_ms < entry.second.slots_held_until_ms;
  });
}

int64_t Ranks::NextWake() const {
  int64_t wake = kNever;
  for (const auto& [key, dropped] : dropped_) {
    if (dropped.rank->has_program() && dropped.slots_held_until_ms > turn_.now_ms)
      wake = std::min(wake, dropped.slots_held_until_ms);
  }
  return wake;
}

std::vector<std::string> Ranks::TakeGpus(int32_t count) const {
  std::set<std::string> used;
  for (const auto& [key, rank] : ranks_) used.insert(rank->gpus().begin(), rank->gpus().end());
  for (const auto& [key, dropped] : dropped_) {  // its program may not be gone yet
    const std::vector<std::string>& gpus = dropped.rank->gpus();
    if (dropped.rank->has_program()) used.insert(gpus.begin(), gpus.end());
  }
  for (const RefusedGpu& gpu : desired_.refused_gpus) used.insert(gpu.uuid);
  std::vector<std::string> taken;
  for (const std::string& gpu : gpus_) {
    if (static_cast<int32_t>(taken.size()) < count && !used.contains(gpu)) taken.push_back(gpu);
  }
  return taken;
}

void Ranks::LogRefusedGpus(const std::vector<RefusedGpu>& gpus) {
  if (gpus == desired_.refused_gpus) return;
  for (const RefusedGpu& gpu : gpus) turn_.Say(LogLevel::kWarning, "worker", gpu.reason);
  if (gpus.empty())
    turn_.Say(LogLevel::kInfo, "worker", "all announced GPUs are this worker's now");
}

std::vector<RankStatus> Ranks::Inventory() const {
  std::vector<RankStatus> inventory;
  for (const auto& [key, rank] : ranks_) inventory.push_back({key, rank->progress()});
  return inventory;
}

std::vector<RankKey> Ranks::Delivering() const {
  std::vector<RankKey> delivering;
  for (const auto& [key, rank] : recovered_) delivering.push_back(key);
  // Their coordinator may be the one that hears this: it was away, and another had its address. It
  // is to wait for the process that will deliver them; any other one does not know them.
  for (const auto& [key, owner] : set_aside_) {
    if (owner.worker == worker_) delivering.push_back(key);
  }
  return delivering;
}

bool Ranks::TakeChanged() {
  const bool changed = changed_;
  changed_ = false;
  return changed;
}

}  // namespace braid::worker
