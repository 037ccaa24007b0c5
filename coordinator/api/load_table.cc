#include "coordinator/api/load_table.h"

#include <algorithm>
#include <utility>

namespace braid::coordinator {
namespace {

constexpr int64_t kStaleMs = 60'000;
constexpr int64_t kForgetMs = LoadHistory::kPieceMs * static_cast<int64_t>(LoadHistory::kPieces);
constexpr size_t kMostGpus = 64;
constexpr int64_t kMostMib = int64_t{1} << 40;

int64_t Cut(int64_t value, int64_t most) {
  return std::clamp<int64_t>(value, 0, most);
}

task::MachineLoad Bounded(task::MachineLoad load) {
  if (load.cpu_percent.has_value()) load.cpu_percent = Cut(*load.cpu_percent, 100);
  load.memory_mib = Cut(load.memory_mib, kMostMib);
  load.memory_used_mib = Cut(load.memory_used_mib, load.memory_mib);
  if (load.gpus.size() > kMostGpus) load.gpus.resize(kMostGpus);
  for (task::GpuLoad& gpu : load.gpus) {
    if (gpu.busy_percent.has_value()) gpu.busy_percent = Cut(*gpu.busy_percent, 100);
    gpu.memory_mib = Cut(gpu.memory_mib, kMostMib);
    gpu.memory_used_mib = Cut(gpu.memory_used_mib, gpu.memory_mib);
  }
  return load;
}

}  // namespace

void LoadTable::Note(const std::string& worker, task::MachineLoad load, int64_t now_ms) {
  load = Bounded(std::move(load));
  MutexLock lock(mutex_);
  if (now_ms - looked_ms_ >= LoadHistory::kPieceMs) {
    std::erase_if(entries_,
                  [&](const auto& entry) { return entry.second.newest_ms <= now_ms - kForgetMs; });
    looked_ms_ = now_ms;
  }
  Entry& entry = entries_[worker];
  entry.history.Note(load, now_ms);
  entry.newest = std::move(load);
  entry.newest_ms = now_ms;
}

std::optional<task::MachineLoad> LoadTable::Newest(const std::string& worker,
                                                   int64_t now_ms) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(worker);
  if (found == entries_.end() || now_ms - found->second.newest_ms > kStaleMs) return std::nullopt;
  return found->second.newest;
}

std::optional<LoadCurves> LoadTable::Curves(const std::string& worker, int64_t now_ms) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(worker);
  if (found == entries_.end()) return std::nullopt;
  LoadCurves curves = found->second.history.Curves(now_ms);
  const bool heard = !curves.cpu.empty() || !curves.memory.empty() || !curves.gpu.empty() ||
                     !curves.gpu_memory.empty();
  return heard ? std::optional(std::move(curves)) : std::nullopt;
}

size_t LoadTable::size() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

}  // namespace braid::coordinator
