// The requirements on a checkpoint that a recipe names instead of training it. The recipe's graph
// makes these values; merge/checkpoint_requirement.h checks them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"

namespace braid::model {

// One checkpoint of a recipe, with the spec that it must have.
struct CheckpointRequirement {
  // How much of the checkpoint is used: the blocks of a dense model (a path); a whole model of any
  // kind; or those parts of a composite that do not come from `paths` (a base).
  enum class As { kPath, kWhole, kBase };

  std::string source;      // "from.path_1", "start.dense", ...
  std::string checkpoint;  // artifact id or folder, as it was written
  int line = 0;            // of the recipe
  As as = As::kPath;
  ModelSpec spec;                // fields that the tokenizer decides are not set
  std::vector<ModelSpec> paths;  // kBase: those that come from elsewhere
  int64_t vocab = 0;             // rows that the recipe's tokenizer will give; 0: not known
  bool moments = false;          // its optimizer state is used, too
  Json training;                 // the spec of the task that continues it; null: none does

  // The name of the model that uses the checkpoint: the part of `source` after the dot.
  std::string model() const { return source.substr(source.find('.') + 1); }
};

}  // namespace braid::model
