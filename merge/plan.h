// What a merge would do, before anything is written: do the parents fit together, what is the composite, and where does
// each of its tensors come from (PaPaformer section 6). Pure but for reading headers; the coordinator and the CLI use it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"
#include "model/tensors.h"

namespace braid::merge {

// A parent as far as planning needs it: its configuration and the shapes of its tensors.
struct Parent {
  std::string name;
  model::ModelSpec spec;
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
  };
  std::vector<Tensor> tensors;
};

// From a checkpoint folder: config.json and the header of model.safetensors.
Result<Parent> ReadParent(const std::string& name, const std::string& folder);

enum class Rule {
  kCopy,         // one parent's tensor as it is
  kConcatenate,  // the parents' columns side by side
  kInitialize,   // new: from (seed, name)
};

struct Target {
  model::TensorSpec tensor;
  Rule rule = Rule::kInitialize;
  struct Source {
    size_t parent = 0;
    std::string tensor;
    int64_t column = 0;   // first column of the target that it fills
    int64_t columns = 0;
  };
  std::vector<Source> sources;
};

struct MergePlan {
  model::ModelSpec model;
  uint64_t seed = 0;
  std::vector<std::string> parents;
  std::vector<Target> targets;                               // every tensor of the composite
  std::vector<std::pair<std::string, std::string>> dropped;  // parent, tensor
};

// The composite's spec from its parents, with the name given. kFailedPrecondition (INCOMPATIBLE_PARENTS) names the
// parent, the field and both values.
Result<model::ModelSpec> CompositeOf(const std::vector<Parent>& parents, const std::string& name,
                                     const std::string& connect);

// Every source tensor is used or dropped, every target filled or new; else an error that names the tensor.
Result<MergePlan> PlanMerge(const std::vector<Parent>& parents, const model::ModelSpec& composite, uint64_t seed);

// The account, for merge.json and for people.
Json ToJson(const MergePlan& plan);
std::string ToText(const MergePlan& plan);

}  // namespace braid::merge
