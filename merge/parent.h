// A parent of a merge (a checkpoint of a path), or its base (one of a composite), as far as
// planning needs it: what the headers of its files say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"
#include "spec/going_on.h"

namespace braid::merge {

// A trained model to be merged: its spec and the headers of its tensors, not their values.
struct Parent {
  // A tensor as the header of a file lists it.
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
  };
  // The state of the optimizer, as named states with one tensor each for a parameter:
  // `<state>.<tensor>`. AdamW keeps `m` and `v` of every tensor.
  struct Moments {
    std::vector<Tensor> tensors;
    int64_t step = 0;                      // updates that made them
    std::map<std::string, int64_t> steps;  // tensors of which that is another number
    // The states of each tensor, if some do not have AdamW's; else empty.
    std::map<std::string, std::vector<std::string>> states;

    // The number of updates that made the tensor's state.
    int64_t Age(const std::string& tensor) const;
    // The names of the tensor's states.
    const std::vector<std::string>& StatesOf(const std::string& tensor) const;
  };

  std::string name;
  model::ModelSpec spec;
  std::vector<Tensor> tensors;
  std::optional<Moments> moments;  // not read unless asked for
  // The learning rate of its last step; absent where its state.json does not say it.
  std::optional<double> rate;
  // How far its training is; not read unless asked for with the moments.
  spec::Begun begun;
};

// The states of a tensor that AdamW trains.
const std::vector<std::string>& AdamWStates();

// Reads config.json and the header of model.safetensors of a checkpoint folder, and the learning
// rate from state.json if that exists; with `moments` also the ages and the training of state.json
// and the header of optimizer.safetensors, without which the parent is kFailedPrecondition
// (INCOMPATIBLE_PARENTS).
Result<Parent> ReadParent(const std::string& name, const std::string& folder, bool moments = false);

// Checks that the tensors are exactly those of the spec, with their shapes and dtype F32, and the
// same for the optimizer state if it was read. Otherwise kFailedPrecondition
// (INCOMPATIBLE_PARENTS), naming parent and tensor.
Status CheckTensors(const Parent& parent);

// Checks that every value of model.safetensors in `folder` is finite. Otherwise kInvalidArgument,
// naming the tensor and the index.
Status CheckFinite(const std::string& folder);

// A status kFailedPrecondition with the reason INCOMPATIBLE_PARENTS.
Status Incompatible(const std::string& message);

}  // namespace braid::merge
