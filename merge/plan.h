// The plan of a merge, made before anything is written: the source of each tensor of the composite
// (docs/papers/papaformer.md#s6). Pure; the coordinator and the CLI use it.
//
//   tensor                     without a base              with a base
//   embed, head (slice: norm)  the columns of the parents  those of the parent of each path, else
//                              side by side                of the path in the base
//   parallel.<l>.path.<p>.*    the parent's blocks.<l>.*   the same, else the path's in the base
//   everything else            new, from (seed, name)      what the base has (base_mapping.h),
//                                                          else new
//
// The parents' final norms are dropped for share and routed composites, whose final norm acts on
// another hidden state. With `carry_optimizer` the optimizer's state (AdamW's moments, Muon's
// momentum) is copied like its tensors, by name, and is zero where something is new. The age of a
// tensor's state (the number of updates, for the correction of bias) is the largest of those of its
// parts, and 0 if all of it is new: too high an age only makes the first steps smaller, too low an
// age would make steps too large.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/base_mapping.h"
#include "merge/parent.h"
#include "model/spec.h"
#include "model/tensors.h"

namespace braid::merge {

// Where the elements of one tensor of the composite come from.
enum class Rule {
  kCopy,        // one tensor as it is
  kAssemble,    // parts of one or several source tensors, which cover all of it
  kPartial,     // parts of source tensors, the rest new
  kInitialize,  // all new: from (seed, name)
};

// A part of a source tensor that becomes a part of a target.
struct Source {
  // An index into MergePlan::sources, and the tensor's name there.
  size_t from = 0;
  std::string tensor;
  Overlap overlap;
  // The optimizer states that the tensor has, if they are carried.
  std::vector<std::string> states;
};

// A tensor of the composite.
struct Target {
  model::TensorSpec tensor;
  Rule rule = Rule::kInitialize;
  // No part of the target is in two of them.
  std::vector<Source> sources;
  // The number of steps behind its optimizer state, if that is carried.
  int64_t age = 0;
  // The states that are written for it, if they are carried: those of its sources, and of a tensor
  // that is all new those of AdamW if every source was trained by AdamW, else none.
  std::vector<std::string> states;
};

// A source tensor that is not, or not as a whole, in the composite.
struct Dropped {
  // As in Source.
  size_t from = 0;
  std::string tensor;
  // Its elements, and how many of them have no place in the composite.
  int64_t total_elements = 0;
  int64_t unused_elements = 0;
};

// Everything that the merge will do, decided before a byte is read: the writer carries it out, and
// the account lists it for people.
struct MergePlan {
  // The composite, and the seed of what is new in it.
  model::ModelSpec model;
  uint64_t seed = 0;
  bool carry_optimizer = false;
  // The last source is a base.
  bool base = false;
  // The lowest of the rates at which the trainings of the sources ended, as far as they are known:
  // a higher one would undo what the path with the lowest has settled.
  std::optional<double> rate;
  // The names of the parents, then of the base.
  std::vector<std::string> sources;
  // Every tensor of the composite, in the order of model::Tensors.
  std::vector<Target> targets;
  std::vector<Dropped> dropped;
};

// The options of a plan that do not affect the composite's spec.
struct MergeOptions {
  uint64_t seed = 42;
  // REQUIRES: the optimizer states of parents and base were read.
  bool carry_optimizer = false;
};

// Makes the plan. In the result every source tensor is used or dropped, and every target is filled
// or new. Otherwise an error that names the tensor, or an error of CheckComposite (composite.h).
Result<MergePlan> PlanMerge(const std::vector<Parent>& parents, const std::optional<Parent>& base,
                            const model::ModelSpec& composite, const MergeOptions& options);

// Rows and columns of a tensor; a vector is one row.
struct Extent {
  int64_t rows = 1;
  int64_t columns = 1;
};
// REQUIRES: one or two dimensions.
Extent ExtentOf(const std::vector<int64_t>& shape);

}  // namespace braid::merge
