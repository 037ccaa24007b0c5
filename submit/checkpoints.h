// Checks of checkpoint folders on this machine that a recipe uses (`from`, `start`, `base`).
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// Compares the configurations and tensor headers of the checkpoints among `sources` with the
// requirements of the recipe (merge/checkpoint_requirement.h). Leaves out Hugging Face folders,
// which have to be imported first, and artifacts, which are with the coordinator.
std::vector<Finding> CheckCheckpoints(const RecipeFile& file,
                                      const std::vector<recipe::Source>& sources);

// Converts the Hugging Face folders among `sources` to checkpoint folders below `tools.work`,
// replaces them in `sources`, and checks the results. A folder that cannot be converted is a
// finding.
std::vector<Finding> ImportCheckpoints(const RecipeFile& file, const Tools& tools,
                                       std::vector<recipe::Source>* sources);

// Reads the weights of all checkpoints among `sources`: NaN or infinity would make a run fail
// later.
std::vector<Finding> CheckWeights(const RecipeFile& file,
                                  const std::vector<recipe::Source>& sources);

}  // namespace braid::submit
