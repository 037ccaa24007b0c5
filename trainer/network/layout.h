// Where each tensor of a model stands in one flat buffer of floats. Gradients and Adam's moments
// have the same layout.
//
// Tensors that AdamW decays come first (matrices and head), then the rest (embedding, gains), so
// that each group is one range (T5 of docs/papers/papaformer.md#s7). q, k, v and gate, up follow
// one another without a gap: they are one matrix to the products. All other tensors begin at
// multiples of 64 elements; the gaps stay zero.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/tensors.h"

namespace braid::trainer {

// Offsets and sizes are in elements, not bytes.
struct Layout {
  // Where one tensor begins; it has as many elements as its shape says.
  struct Slot {
    model::TensorSpec tensor;
    int64_t offset = 0;
  };
  std::vector<Slot> slots;  // in order of offset
  std::map<std::string, size_t> by_name;
  int64_t decayed = 0;  // elements [0, decayed) are the matrices
  int64_t size = 0;

  // The slot of a tensor. REQUIRES: the model has the tensor.
  const Slot& at(const std::string& name) const { return slots[by_name.at(name)]; }
};

// The same for every device, and for a checkpoint of the model: it follows from the spec alone.
Layout MakeLayout(const model::ModelSpec& spec);

}  // namespace braid::trainer
