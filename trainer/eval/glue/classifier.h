// What fine-tuning needs of a model with adapters. GLUE's loop knows nothing more of it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "trainer/eval/glue/encoding.h"

namespace braid::trainer {

// Called by one thread. One object is used for one training after the other.
class Classifier {
 public:
  virtual ~Classifier() = default;
  // Begins a training anew: fresh adapters and classifier of `outputs` rows (1 with `regression`:
  // squared error instead of cross-entropy), an optimizer without moments, dropout from `seed`.
  virtual Status Start(uint64_t seed, int64_t outputs, bool regression) = 0;
  // One optimizer step at learning rate `lr`; the mean loss of the batch before it.
  virtual Result<double> Step(const Batch& batch, double lr) = 0;
  // [rows * outputs], without dropout.
  virtual Result<std::vector<float>> Logits(const Batch& batch) = 0;
  // The trained weights as they are now, and back again.
  virtual std::vector<float> Weights() const = 0;
  virtual void SetWeights(const std::vector<float>& weights) = 0;
};

}  // namespace braid::trainer
