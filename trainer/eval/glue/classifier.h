// The interface of a classifier for fine-tuning: a model with adapters, as GLUE's training loop
// uses it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "trainer/eval/glue/encoding.h"

namespace braid::trainer {

// Used by one thread, for one training after another.
class Classifier {
 public:
  virtual ~Classifier() = default;

  // Begins a new training: fresh adapters, a fresh classifier with `outputs` rows (1 with
  // `regression`, which minimises the squared error instead of the cross-entropy), and an optimizer
  // without state. Dropout is drawn from `seed`.
  virtual Status Start(uint64_t seed, int64_t outputs, bool regression) = 0;

  // Does one optimizer step at learning rate `lr`, and returns the mean loss of the batch before
  // it.
  virtual Result<double> Step(const Batch& batch, double lr) = 0;

  // The outputs for the batch, [rows * outputs], computed without dropout.
  virtual Result<std::vector<float>> Logits(const Batch& batch) = 0;

  // Copies of the trained weights (adapters and classifier), which SetWeights puts back.
  virtual std::vector<float> Weights() const = 0;
  // Restores weights that Weights returned in the same training.
  virtual void SetWeights(const std::vector<float>& weights) = 0;
};

}  // namespace braid::trainer
