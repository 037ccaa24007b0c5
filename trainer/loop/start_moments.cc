#include "trainer/loop/start_moments.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

// The setting that requires a state; null if none does.
const char* NeededBy(const TrainSettings& settings) {
  if (settings.start_moments == spec::StartMoments::kTake) return "start_moments is take";
  const auto& groups = settings.optimizer.groups;
  const bool carries = std::any_of(groups.begin(), groups.end(), [](const auto& group) {
    return group.moments == spec::GroupMoments::kCarry;
  });
  return carries ? "a group's moments are to be carried" : nullptr;
}

// Zeros, at age 0, for the tensors of this slot.
void Reset(const Layout& layout, size_t slot, OptimizerSnapshot* snapshot) {
  snapshot->ages[slot] = 0;
  for (OptimizerSnapshot::State& state : snapshot->state) {
    if (!state.layout.Covers(slot)) continue;
    const auto begin = state.values.begin() + state.layout.offsets[slot];
    std::fill(begin, begin + layout.slots[slot].tensor.elements(), 0.0f);
  }
}

// Resets what the groups of a composite say. Returns the number of tensors.
size_t ResetGroups(const TrainSettings& settings, const Layout& layout,
                   OptimizerSnapshot* snapshot) {
  size_t count = 0;
  if (settings.optimizer.groups.empty()) return count;
  for (size_t slot = 0; slot < layout.slots.size(); ++slot) {
    const auto treatment = spec::TreatmentOf(layout.slots[slot].tensor.name, settings.model,
                                             settings.optimizer.groups);
    if (treatment.moments != spec::GroupMoments::kReset) continue;
    Reset(layout, slot, snapshot);
    ++count;
  }
  return count;
}

}  // namespace

Status TakeStartMoments(const TrainSettings& settings, const std::string& folder,
                        const Layout& layout, const std::string& job, Optimizer* optimizer) {
  if (settings.start_moments == spec::StartMoments::kLeave) return OkStatus();
  if (!PathExists(JoinPath(folder, artifact_files::kOptimizer))) {
    const char* needed_by = NeededBy(settings);
    if (needed_by == nullptr) return OkStatus();
    return InvalidArgument(std::string("input \"init\" has no optimizer.safetensors, and ") +
                           needed_by +
                           "; give a checkpoint with the state of training, or do without it");
  }
  OptimizerSnapshot snapshot = optimizer->Take();
  BRAID_ASSIGN_OR_RETURN(const std::vector<size_t> absent,
                         ReadOptimizerState(folder, layout, &snapshot));
  const size_t reset = ResetGroups(settings, layout, &snapshot);
  optimizer->Restore(snapshot);
  std::string text = "starts with the optimizer's state of its start";
  if (!absent.empty()) {
    text += Format(", but for %zu of %zu tensors that have none there (%s, ...)", absent.size(),
                   layout.slots.size(), layout.slots[absent.front()].tensor.name.c_str());
  }
  if (reset > 0) text += Format("; %zu tensors begin at zero, as their groups say", reset);
  Log(LogLevel::kInfo, job, text);
  return OkStatus();
}

}  // namespace braid::trainer
