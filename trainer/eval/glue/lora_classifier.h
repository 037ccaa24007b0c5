// The classifier that GLUE trains: a network with low-rank adapters (LoRA) and a linear layer on
// the last state.
#pragma once

#include <memory>

#include "trainer/eval/glue/classifier.h"
#include "trainer/eval/glue/settings.h"
#include "trainer/network/lora.h"

namespace braid::trainer {

class LoraClassifier final : public Classifier {
 public:
  // `network` outlives this. Its own weights are never changed. It has adapters from the first
  // Start until this object is destroyed.
  LoraClassifier(Network& network, const GlueSettings& settings);

  Status Start(uint64_t seed, int64_t outputs, bool regression) override;
  Result<double> Step(const Batch& batch, double lr) override;
  Result<std::vector<float>> Logits(const Batch& batch) override;
  std::vector<float> Weights() const override { return lora_->Parameters(); }
  void SetWeights(const std::vector<float>& weights) override { lora_->SetParameters(weights); }

  // REQUIRES: Start was called.
  Lora& lora() { return *lora_; }

 private:
  Network& network_;
  const GlueSettings settings_;
  std::unique_ptr<Lora> lora_;
  uint64_t seed_ = 0;
  uint64_t steps_ = 0;
  bool regression_ = false;
};

}  // namespace braid::trainer
