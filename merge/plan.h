// What a merge would do, before anything is written: where does each tensor of the composite come
// from (docs/papers/papaformer.md#s6). Pure; the coordinator and the CLI use it.
//
//   tensor                    without a base            with a base
//   embed, head (slice: norm) the parents' columns      the parent's, or those of the path in the
//                             side by side              base
//   parallel.<l>.path.<p>.*   the parent's blocks.<l>.* the same, or the path's blocks in the base
//   everything else           new, from (seed, name)    what the base has (overlay.h), else new
//
// Of share and routed composites the parents' final norms are dropped: what the composite's norms
// is another stream. With `carry_optimizer` the optimizer's state (AdamW's moments, Muon's
// momentum) goes the way of its tensors, by name, and is zero where something is new. The age of a
// tensor's moments is the largest of those of its parts, and 0 if all of it is new: young or zero
// moments under a higher age only make smaller first steps, while old moments under a lower age
// would make steps too large.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/overlay.h"
#include "merge/parent.h"
#include "model/spec.h"
#include "model/tensors.h"

namespace braid::merge {

enum class Rule {
  kCopy,         // one tensor as it is
  kConcatenate,  // parts of the sources side by side, nothing new
  kPartial,      // parts of the sources, the rest new
  kInitialize,   // all new: from (seed, name)
};

struct Source {
  size_t from = 0;  // index into MergePlan::sources
  std::string tensor;
  Overlap overlap;                  // what of it, and where to; a vector is one row
  std::vector<std::string> states;  // that it has, if they are carried
};

struct Target {
  model::TensorSpec tensor;
  Rule rule = Rule::kInitialize;
  std::vector<Source> sources;  // none overlaps another
  int64_t age = 0;              // of its optimizer state, if that is carried
  // The states that are written for it, if they are carried: those of its sources, and of a tensor
  // that is all new those of AdamW if every source was trained by AdamW, else none.
  std::vector<std::string> states;
};

struct Dropped {
  size_t from = 0;
  std::string tensor;
  int64_t elements = 0;  // that have no place in the composite
  int64_t of = 0;        // its elements
};

struct MergePlan {
  model::ModelSpec model;
  uint64_t seed = 0;
  bool carry_optimizer = false;
  bool base = false;                 // the last source is one
  std::vector<std::string> sources;  // names: the parents, then the base
  std::vector<Target> targets;       // every tensor of the composite
  std::vector<Dropped> dropped;
};

struct MergeOptions {
  uint64_t seed = 42;
  bool carry_optimizer = false;  // REQUIRES: moments of parents and base were read
};

// Every source tensor is used or dropped, every target filled or new; else an error that names the
// tensor, or what CheckComposite finds (composite.h).
Result<MergePlan> PlanMerge(const std::vector<Parent>& parents, const std::optional<Parent>& base,
                            const model::ModelSpec& composite, const MergeOptions& options);

// Rows and columns of a tensor; a vector is one row.
struct Extent {
  int64_t rows = 1;
  int64_t columns = 1;
};
Extent ExtentOf(const std::vector<int64_t>& shape);

}  // namespace braid::merge
