// Low-rank adaptation of a network to a task (docs/papers/papaformer.md#s8.2): adapters at q and v
// of every attention, and a classifier on the final-normed hidden state of the last real token. The
// network's own weights stay as they are. No torch in this header.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "trainer/network/lora_layout.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// Numbers of AdamW (docs/papers/papaformer.md#s8.2).
struct LoraOptimizer {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.1;  // of everything that is trained
  double clip = 1.0;          // of the global gradient norm; 0: none
};

// Rows of text, padded on the right: ids [batch, sequence], of which row r has lengths[r] >= 1 real
// tokens. What stands behind them changes nothing, since attention is causal.
struct LoraRows {
  const int32_t* ids = nullptr;
  const int32_t* lengths = nullptr;
  int64_t batch = 0;
  int64_t sequence = 0;
};

// Adapters and classifier of one task on one network, with their gradients and their optimizer.
// Owns no weight of the network. Not thread-safe, and never used at the same time as the network.
class Lora {
 public:
  // From here until the adapters go, all that `network` computes has them in it. The network must
  // outlive them, and has at most one set at a time (kFailedPrecondition). All start at zero:
  // Initialize or Load is next.
  static Result<std::unique_ptr<Lora>> Attach(Network& network, const LoraConfig& config);
  // Detaches the adapters from the network.
  ~Lora();
  Lora(const Lora&) = delete;
  Lora& operator=(const Lora&) = delete;

  // The settings, and the layout of the trained values.
  const LoraConfig& config() const { return config_; }
  const LoraLayout& layout() const { return layout_; }

  // A from U(-1/sqrt(w), 1/sqrt(w)) (Kaiming's uniform with slope sqrt(5)), B zero, the classifier
  // N(0, 0.02); from (seed, name). The moments of the optimizer are zero.
  void Initialize(uint64_t seed);
  // layout().size values, and back again. Setting leaves the moments alone.
  std::vector<float> Parameters() const;
  // Replaces the trained values by layout().size others. The moments of the optimizer stay.
  void SetParameters(const std::vector<float>& parameters);
  // layout().size values.
  std::vector<float> Gradients() const;

  // Replaces the gradients by those of the mean loss over the rows, which it returns: cross-entropy
  // with the class labels[r], or the squared error of labels[r] with `regression`. Dropout, and
  // Gumbel noise where the model has a router, come from (seed, draw).
  double Backward(const LoraRows& rows, const float* labels, bool regression, uint64_t seed,
                  uint64_t draw);
  // One step of AdamW from the gradients. Returns their norm before clipping; if that is not finite
  // nothing is changed.
  double Update(const LoraOptimizer& optimizer, double lr);
  // [batch * outputs], as the model evaluates: without dropout.
  std::vector<float> Logits(const LoraRows& rows);

  // lora.safetensors (F32, the names of layout()) and lora.json (rank, alpha, dropout, outputs, and
  // the model they belong to).
  Status Save(const std::string& folder) const;
  // What Save wrote for a model of the same name, tokenizer and shapes and with the same rank,
  // alpha and outputs; errors name file and field or tensor.
  Status Load(const std::string& folder);
  // W += alpha / rank * B A in the network, and B = 0: it computes what it did, but for rounding.
  // The classifier stays.
  void Merge();

 private:
  struct Impl;
  Lora(Network& network, const LoraConfig& config);
  Network& network_;
  const LoraConfig config_;
  const LoraLayout layout_;
  std::unique_ptr<Impl> impl_;
};

// The rank, alpha, dropout and outputs of a folder that Save wrote, to attach it with.
Result<LoraConfig> ReadLoraConfig(const std::string& folder);

}  // namespace braid::trainer
