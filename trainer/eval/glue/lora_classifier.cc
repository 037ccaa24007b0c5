#include "trainer/eval/glue/lora_classifier.h"

#include <cmath>

namespace braid::trainer {
namespace {

LoraRows RowsOf(const Batch& batch) {
  return {batch.ids.data(), batch.lengths.data(), batch.rows(), batch.sequence};
}

}  // namespace

LoraClassifier::LoraClassifier(Network& network, const spec::GlueSettings& settings)
    : network_(network), settings_(settings) {}

Status LoraClassifier::Start(uint64_t seed, int64_t outputs, bool regression) {
  // A network has one set of adapters at a time.
  lora_.reset();
  LoraConfig config;
  config.rank = settings_.rank;
  config.alpha = settings_.alpha;
  config.dropout = settings_.dropout;
  config.outputs = outputs;
  BRAID_ASSIGN_OR_RETURN(lora_, Lora::Attach(network_, config));
  lora_->Initialize(seed);
  network_.SetEvaluationSeed(seed);
  seed_ = seed;
  steps_ = 0;
  regression_ = regression;
  return OkStatus();
}

Result<double> LoraClassifier::Step(const Batch& batch, double lr) {
  const double loss = lora_->Backward(RowsOf(batch), batch.labels.data(), regression_, seed_,
                                      steps_++);
  LoraOptimizer optimizer;
  optimizer.weight_decay = settings_.weight_decay;
  const double norm = lora_->Update(optimizer, lr);
  // The loss may be finite while its gradients are not; returning the norm then reports the
  // failure.
  return std::isfinite(norm) ? loss : norm;
}

Result<std::vector<float>> LoraClassifier::Logits(const Batch& batch) {
  return lora_->Logits(RowsOf(batch));
}

}  // namespace braid::trainer
