#include "coordinator/api/load_history.h"

#include <algorithm>

namespace braid::coordinator {
namespace {

constexpr auto kCount = static_cast<int64_t>(LoadHistory::kPieces);

size_t PlaceOf(int64_t piece) {
  return static_cast<size_t>(piece % kCount);
}

std::optional<int64_t> Share(int64_t part, int64_t whole) {
  if (whole <= 0) return std::nullopt;
  return (100 * part + whole / 2) / whole;
}

}  // namespace

void LoadHistory::MoveTo(int64_t piece) {
  const int64_t first = std::max(newest_piece_ + 1, piece - kCount + 1);
  for (int64_t p = std::max<int64_t>(0, first); p <= piece; ++p) {
    for (Curve* curve : {&cpu_, &memory_, &gpu_, &gpu_memory_}) curve->values[PlaceOf(p)] = -1;
  }
  for (Curve* curve : {&cpu_, &memory_, &gpu_, &gpu_memory_}) curve->sum = curve->count = 0;
  newest_piece_ = piece;
}

void LoadHistory::Add(Curve& curve, std::optional<int64_t> percent) const {
  if (!percent.has_value()) return;
  curve.sum += static_cast<int32_t>(std::clamp<int64_t>(*percent, 0, 100));
  ++curve.count;
  curve.values[PlaceOf(newest_piece_)] = static_cast<int8_t>((curve.sum + curve.count / 2) /
                                                             curve.count);
}

void LoadHistory::Note(const task::MachineLoad& load, int64_t now_ms) {
  if (now_ms / kPieceMs > newest_piece_) MoveTo(now_ms / kPieceMs);
  Add(cpu_, load.cpu_percent);
  Add(memory_, Share(load.memory_used_mib, load.memory_mib));
  int64_t busy = 0, busy_gpus = 0, used_mib = 0, all_mib = 0;
  for (const task::GpuLoad& gpu : load.gpus) {
    used_mib += gpu.memory_used_mib;
    all_mib += gpu.memory_mib;
    if (!gpu.busy_percent.has_value()) continue;
    busy += *gpu.busy_percent;
    ++busy_gpus;
  }
  Add(gpu_, busy_gpus == 0 ? std::nullopt : std::optional(busy / busy_gpus));
  Add(gpu_memory_, Share(used_mib, all_mib));
}

std::vector<int8_t> LoadHistory::Read(const Curve& curve, int64_t now_ms) const {
  std::vector<int8_t> values;
  const int64_t last = now_ms / kPieceMs;
  bool heard = false;
  for (int64_t p = last - kCount + 1; p <= last; ++p) {
    const bool there = p >= 0 && p <= newest_piece_ && p > newest_piece_ - kCount;
    values.push_back(there ? curve.values[PlaceOf(p)] : int8_t{-1});
    heard = heard || values.back() >= 0;
  }
  return heard ? values : std::vector<int8_t>();
}

LoadCurves LoadHistory::Curves(int64_t now_ms) const {
  return {Read(cpu_, now_ms), Read(memory_, now_ms), Read(gpu_, now_ms), Read(gpu_memory_, now_ms)};
}

}  // namespace braid::coordinator
