// What checkpoints of a training with outer steps have beyond those of others: the momentum of the
// outer optimizer, and the state that each rank has of its own (docs/formats.md, "checkpoint").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/network/layout.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// `outer` of state.json.
Json ToJson(const OuterSnapshot& outer);

// Writes the files of snapshot.outer, which is there, to the folder: outer.safetensors, and of each
// rank that has something of its own rank-<r>.safetensors. Rank 0's states are in
// optimizer.safetensors.
Status WriteOuterState(const std::string& folder, const Layout& layout,
                       const OptimizerSnapshot& snapshot);

// What the ranks have in common.
struct OuterState {
  // The step of the last outer step.
  int64_t step = 0;
  // In the network's layout.
  std::vector<float> weights;
  std::vector<float> momentum;
};

// Reads what a rank of `world` needs of a checkpoint beyond what ReadCheckpoint has put into
// `resumed`, whose weights and states become those of this rank. kInvalidArgument if the checkpoint
// is of another number of ranks, or of a training without outer steps; other errors name file and
// tensor.
Result<OuterState> ReadOuterState(const std::string& folder, const Layout& layout, int64_t rank,
                                  int64_t world, Resumed* resumed);

}  // namespace braid::trainer
