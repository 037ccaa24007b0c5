// The classifier that GLUE trains: a network with low-rank adapters (LoRA) and a linear layer on
// the last state.
#pragma once

#include <memory>

#include "spec/evaluate/glue.h"
#include "trainer/eval/glue/classifier.h"
#include "trainer/network/lora.h"

namespace braid::trainer {

// One training after another on the same network. The random numbers of a step follow from its seed
// and its number.
class LoraClassifier final : public Classifier {
 public:
  // `network` must outlive it. Its weights are never changed; between Start and the end of this
  // object it has adapters.
  LoraClassifier(Network& network, const spec::GlueSettings& settings);

  Status Start(uint64_t seed, int64_t outputs, bool regression) override;
  Result<double> Step(const Batch& batch, double lr) override;
  Result<std::vector<float>> Logits(const Batch& batch) override;
  std::vector<float> Weights() const override { return lora_->Parameters(); }
  void SetWeights(const std::vector<float>& weights) override { lora_->SetParameters(weights); }

  // REQUIRES: Start was called.
  Lora& lora() { return *lora_; }

 private:
  Network& network_;
  const spec::GlueSettings settings_;
  std::unique_ptr<Lora> lora_;
  uint64_t seed_ = 0;
  uint64_t steps_ = 0;
  bool regression_ = false;
};

}  // namespace braid::trainer
