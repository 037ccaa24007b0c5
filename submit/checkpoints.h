// Checkpoints on this machine that a recipe is given (`from`, `start`, `base`).
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// Configurations and headers of those among `sources`, against what the recipe says of them
// (merge/checkpoint_requirement.h). Hugging Face folders are left out until they are imported, and
// so are artifacts, which the coordinator has.
std::vector<Finding> CheckCheckpoints(const RecipeFile& file,
                                      const std::vector<recipe::Source>& sources);

// Makes checkpoint folders of the Hugging Face folders among `sources`, below `tools.work`, and
// puts those in their place. What cannot be imported is a finding.
std::vector<Finding> ImportCheckpoints(const RecipeFile& file, const Tools& tools,
                                       std::vector<recipe::Source>* sources);

// Reads the weights of all checkpoints among `sources`: what is no number would end a run later.
std::vector<Finding> CheckWeights(const RecipeFile& file,
                                  const std::vector<recipe::Source>& sources);

}  // namespace braid::submit
