#include "trainer/loop/outer_checkpoint.h"

#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"
#include "trainer/loop/tensor_files.h"

namespace braid::trainer {
namespace {

// Of a rank's own weights; those of its states begin with their names.
constexpr char kWeightsPrefix[] = "p.";

std::string RankFile(const std::string& folder, int64_t rank) {
  return JoinPath(folder,
                  artifact_files::kRankPrefix + std::to_string(rank) + artifact_files::kRankSuffix);
}

Status CheckRanks(const std::string& folder, int64_t ranks, int64_t world) {
  if (ranks == world) return OkStatus();
  return InvalidArgument(
      Format("%s is a checkpoint of %lld ranks, each of which has an optimizer's state of its own "
             "(train.sync: diloco), and this training has %lld; give it %lld ranks, or begin a new "
             "training with its weights",
             folder.c_str(), (long long)ranks, (long long)world, (long long)ranks));
}

}  // namespace

Json ToJson(const OuterSnapshot& outer) {
  return {{"ranks", outer.ranks}, {"step", outer.step}};
}

Status WriteOuterState(const std::string& folder, const Layout& layout,
                       const OptimizerSnapshot& snapshot) {
  const OuterSnapshot& outer = *snapshot.outer;
  BRAID_RETURN_IF_ERROR(
      WriteWhole(JoinPath(folder, artifact_files::kOuter), layout, outer.momentum));
  for (int64_t rank = 0; rank < outer.ranks; ++rank) {
    std::vector<TensorBuffer> buffers;
    if (!outer.p.empty()) {
      buffers.push_back(
          {kWeightsPrefix, WholeOffsets(layout), outer.p.data() + rank * layout.size});
    }
    for (size_t i = 0; i < snapshot.state.size() && rank > 0; ++i) {
      const StateLayout& state = snapshot.state[i].layout;
      buffers.push_back(
          {state.name + ".", state.offsets, outer.state[i].data() + rank * state.size});
    }
    if (!buffers.empty())
      BRAID_RETURN_IF_ERROR(WriteTensors(RankFile(folder, rank), layout, buffers));
  }
  return OkStatus();
}

Result<OuterState> ReadOuterState(const std::string& folder, const Layout& layout, int64_t rank,
                                  int64_t world, Resumed* resumed) {
  const std::string path = JoinPath(folder, artifact_files::kState);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  if (!json.contains("outer")) {
    return InvalidArgument(path +
                           ": has no outer; the checkpoint is not of a training with outer "
                           "steps, start without it");
  }
  JsonReader read(json["outer"], path + ".outer");
  OuterState outer;
  const int64_t ranks = read.RequireInt("ranks");
  outer.step = read.RequireInt("step");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_RETURN_IF_ERROR(CheckRanks(folder, ranks, world));
  outer.weights = resumed->snapshot.p;
  BRAID_RETURN_IF_ERROR(
      ReadWhole(JoinPath(folder, artifact_files::kOuter), layout, &outer.momentum));
  const bool within = outer.step != resumed->state.step;
  if (rank == 0 && !within) return outer;
  BRAID_ASSIGN_OR_RETURN(const auto file, storage::SafetensorsFile::Open(RankFile(folder, rank)));
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const Layout::Slot& slot = layout.slots[i];
    if (within) {
      BRAID_RETURN_IF_ERROR(ReadTensor(file, kWeightsPrefix + slot.tensor.name, slot.tensor,
                                       resumed->snapshot.p.data() + slot.offset));
    }
    for (OptimizerSnapshot::State& state : resumed->snapshot.state) {
      if (rank == 0 || !state.layout.Covers(i)) continue;
      BRAID_RETURN_IF_ERROR(ReadTensor(file, state.layout.name + "." + slot.tensor.name,
                                       slot.tensor, state.values.data() + state.layout.offsets[i]));
    }
  }
  return outer;
}

}  // namespace braid::trainer
