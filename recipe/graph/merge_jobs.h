// The jobs that combine trained paths to a composite, prove the result and train it: for composites
// of a recipe, and for merges that are requested without a recipe (StartMerge).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/spec.h"
#include "recipe/graph/dag.h"
#include "recipe/recipe.h"
#include "spec/common.h"
#include "spec/data.h"

namespace braid::recipe {

// The joint training that follows the proof.
struct JointPhase {
  Joint settings;
  InputRef tokenizer;
  // How each corpus is divided between the paths and this phase (docs/papers/papaformer.md#s4).
  spec::Split split;
  spec::LossAverage loss_average = spec::LossAverage::kTokenMean;
};

// All that determines the jobs of one merge.
struct Merge {
  // Name of the composite, and part of the names of the jobs: "merge:<name>", ...
  std::string name;
  // The composite.
  model::ModelSpec model;
  uint64_t seed = 42;

  // Name and checkpoint of each parent, in the order of their slices; paths that stay in the base
  // are left out.
  std::vector<std::pair<std::string, InputRef>> parents;
  // The corpus of each parent, by its name, on which it teaches the composite; without entries
  // where it is not known. REQUIRES: `data` has it.
  std::map<std::string, std::string> corpora_of_parents;
  // An existing composite from which paths are taken (docs/models.md).
  std::optional<InputRef> base;
  // Whether the parents' optimizer states are merged, too.
  bool carry_optimizer = false;

  // Name and shards of each corpus on which the composite is proved and trained. If it is empty,
  // there is no gate job, and `joint` must not be set.
  std::vector<std::pair<std::string, InputRef>> data;
  // Tokens of a sequence.
  int64_t sequence = 256;
  std::optional<JointPhase> joint;
};

// The jobs in topological order, with their parents and without estimates: `merge`, `gate` if there
// is data, and `joint` if that is set.
std::vector<JobNode> MergeJobs(const Merge& merge);

// Adds the jobs that make the inputs of `job` to its parents.
void LinkParents(JobNode* job);

}  // namespace braid::recipe
