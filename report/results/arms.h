// The arms of a dual-path comparison: dense models and paths by the block they are made of.
#pragma once

#include <string>
#include <vector>

#include "report/results/results.h"

namespace braid::report {

// A model with the numbers by which arms are compared.
struct Arm {
  const ModelResult* model = nullptr;
  model::Stack stack;
  // Forward operations of a token by the accountings A and B: in the whole model, and in one block.
  double projections = 0, causal = 0;
  double block_projections = 0, block_causal = 0;
};

// All dense models and paths whose spec is known, in the order of the task.
std::vector<Arm> ArmsOf(const Results& results);

// The model's stack, or of a composite any path or large block, is made of `block`.
bool HasBlock(const ModelResult& model, const std::string& block);
// ... of a block other than llama.
bool HasDualBlocks(const ModelResult& model);
// Models whose deep and wide paths were measured and that have dual-path blocks, or, with
// `loops_too`, blocks that only loop; merges before their joint training are left out.
std::vector<const ModelResult*> MeasuredDualModels(const Results& results, bool loops_too);
// The steps K that the model's blocks were trained with; 0: not known, or not all alike.
int64_t TrainedLoops(const ModelResult& model);

}  // namespace braid::report
