// A checkpoint that somebody hands over, and what it must be, as data: a recipe says it, a merge
// checks it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"

namespace braid::model {

struct CheckpointRequirement {
  // The blocks of a dense model alone; a model of any kind whole; or a composite that holds what is
  // not among `paths`.
  enum class As { kPath, kWhole, kBase };

  std::string source;      // "from.path_1", "start.dense", ...
  std::string checkpoint;  // artifact id or folder, as it was written
  int line = 0;            // of the recipe
  As as = As::kPath;
  ModelSpec spec;                // what only a tokenizer decides is open
  std::vector<ModelSpec> paths;  // kBase: those that come from elsewhere
  int64_t vocab = 0;             // rows that the recipe's tokenizer will give; 0: not known
  bool moments = false;          // AdamW's are taken over
  Json training;                 // the spec of the task that goes on from it; null: none does

  std::string model() const { return source.substr(source.find('.') + 1); }
};

}  // namespace braid::model
