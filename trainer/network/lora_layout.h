// Where the trained tensors of low-rank adaptation stand in one flat buffer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/spec.h"

namespace braid::trainer {

// The sizes of adapters and classifier, and the factor of the adapters.
struct LoraConfig {
  int64_t rank = 8;
  double alpha = 16;     // what an adapter adds is alpha / rank * B A x
  double dropout = 0.1;  // of its input x, while it is trained
  int64_t outputs = 2;   // rows of the classifier: classes, or 1 for a number
};

// An adapter for q and one for v of every attention of every block
// (docs/papers/papaformer.md#s8.2): blocks.0.attn.q.lora_a.weight [rank, w] and
// blocks.0.attn.q.lora_b.weight [w, rank] go with blocks.0.attn.q.weight. Dual-path blocks have
// them in their deep and in their wide path; the steps of a deep path share theirs, as they share
// its weights. Then classifier.weight [outputs, w]. Offsets and sizes are in elements, not bytes.
struct LoraLayout {
  // Where one tensor stands.
  struct Slot {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset = 0;

    int64_t elements() const { return shape[0] * shape[1]; }
  };
  std::vector<Slot> slots;
  int64_t adapters = 0;  // elements [0, adapters) are A and B, the rest is the classifier
  int64_t size = 0;

  // REQUIRES: there is such a slot.
  const Slot& at(const std::string& name) const;
};

// The layout of the adapters of a model; it follows from the arguments alone.
LoraLayout MakeLoraLayout(const model::ModelSpec& spec, const LoraConfig& config);

}  // namespace braid::trainer
