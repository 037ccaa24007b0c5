// The tensors of a composite, made as a plan says from the files of its sources. Internal to
// merge/.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "merge/plan.h"
#include "storage/files/safetensors.h"

namespace braid::merge {

// A set of tensors to which a plan is applied: the weights, or one state of the optimizer. In the
// files, the tensors of a state have its name as a prefix.
struct TensorSet {
  std::string file;
  // The name of the state; empty: the weights.
  std::string state;

  // Whether the set is the weights and not an optimizer state.
  bool IsWeights() const { return state.empty(); }
  // The name in the file for a tensor of the model.
  std::string NameOf(const std::string& tensor) const {
    return IsWeights() ? tensor : state + "." + tensor;
  }
  // Whether a tensor with these optimizer states is in the set; every tensor is in the weights.
  bool IsIn(const std::vector<std::string>& states) const;
};

// The weights, then the states of the composite's optimizer, in the order in which its tensors name
// them.
std::vector<TensorSet> SetsOf(const MergePlan& plan);

// Whole rows of a tensor.
struct Rows {
  int64_t begin = 0, end = 0;
};

// Makes the tensors of one set. The sources are mapped into memory and not read as a whole.
// Thread-safe. REQUIRES: the plan outlives it.
class Composer {
 public:
  // Opens the files of the set in the sources. `folders` are those of plan.sources, in their order.
  // Errors are those of SafetensorsFile::Open.
  static Result<Composer> Create(const MergePlan& plan, const TensorSet& set,
                                 const std::vector<std::string>& folders);

  const TensorSet& set() const { return set_; }
  std::string NameOf(const Target& target) const { return set_.NameOf(target.tensor.name); }
  bool Contains(const Target& target) const { return set_.IsIn(target.states); }

  // The elements of some rows of a target as they should be: in a source, if they stand there one
  // after another, or in `buffer`; null if all are zero (0, not -0). What no source covers is new:
  // initial values for weights, zeros for states. A NaN or infinity in a source, and a second
  // moment below zero, is kInvalidArgument with source and tensor.
  Result<const float*> Make(const Target& target, Rows rows, std::vector<float>* buffer) const;

  // Whether `values` are these elements, bit for bit. `buffer` is for what has to be made.
  Result<bool> Matches(const Target& target, Rows rows, const float* values,
                       std::vector<float>* buffer) const;

 private:
  // A source of a target with its data.
  struct Part {
    const Source* source;
    const float* data;
    int64_t width;  // columns of the source
  };

  Composer(const MergePlan& plan, const TensorSet& set) : plan_(&plan), set_(set) {}

  // The sources that have this set's state.
  Result<std::vector<Part>> PartsOf(const Target& target) const;
  // The elements in the only source, if it has these rows one after another; else null.
  static const float* InSource(const std::vector<Part>& parts, const Extent& extent, Rows rows);
  bool IsInitialized(const Target& target) const;
  // Copies what a part has for these rows into `out`, which holds them.
  Status CopyRows(const Part& part, const Extent& extent, Rows rows, float* out) const;
  Status CheckValues(const Part& part, int64_t row, int64_t column, const float* values,
                     int64_t count) const;

  const MergePlan* plan_;
  TensorSet set_;
  std::vector<storage::SafetensorsFile> files_;
};

}  // namespace braid::merge
