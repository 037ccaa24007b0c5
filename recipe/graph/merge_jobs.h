// The jobs that lay trained paths side by side, prove the result and train it on together: of a
// composite of a recipe, and of a merge that was asked for without one.
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
  spec::Split split;  // of each corpus between the paths and this phase
  spec::LossAverage loss_average = spec::LossAverage::kTokenMean;
};

struct Merge {
  std::string name;        // of the composite, and so of the jobs: "merge:<name>", ...
  model::ModelSpec model;  // the composite
  uint64_t seed = 42;
  // Name -> checkpoint, in the order of their slices; those that the base has already are left out.
  std::vector<std::pair<std::string, InputRef>> parents;
  std::optional<InputRef> base;  // the composite that it begins from
  bool carry_optimizer = false;
  // Corpus -> shards, to prove the composite on, and to train it. Without any there is no proof,
  // and there must be no joint phase.
  std::vector<std::pair<std::string, InputRef>> data;
  int64_t sequence = 256;  // tokens of a row
  std::optional<JointPhase> joint;
};

// merge; gate, if there is data; joint, if there are settings for it. In topological order, with
// their parents and without estimates.
std::vector<JobNode> MergeJobs(const Merge& merge);

// What each job has to wait for: the makers of its inputs are added to its parents.
void LinkParents(JobNode* job);

}  // namespace braid::recipe
