// A model that computes: parameters and gradients in flat buffers, forward and backward of ATen operators and our own
// functions. No torch in this header, so that the loop compiles without it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"
#include "storage/files/safetensors.h"
#include "trainer/network/layout.h"

namespace braid::trainer {

// A label that counts for nothing.
inline constexpr int32_t kIgnore = -1;

struct LossSum {
  double loss = 0;      // sum over the targets, nats
  int64_t targets = 0;
};

class Network {
 public:
  // `device` is cpu or cuda. kUnimplemented names a field of the spec that this version does not compute; cuda without a
  // device or without the plug-in is kFailedPrecondition.
  static Result<std::unique_ptr<Network>> Create(const model::ModelSpec& spec, const std::string& device);
  ~Network();

  const model::ModelSpec& spec() const { return spec_; }
  const Layout& layout() const { return layout_; }
  std::string device() const;  // "cpu" or "cuda:0"

  // layout().size floats each, on the device.
  float* parameters();
  float* gradients();
  void ZeroGradients();

  // Initial values from (seed, tensor name).
  void Initialize(uint64_t seed);
  // Every tensor of the model must be in the file, as F32 and in its shape, and no other: errors name it.
  Status Load(const storage::SafetensorsFile& file);

  // ids, labels: [batch, sequence] on the host. Adds scale * d(sum of losses) to the gradients.
  LossSum Backward(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence, double scale);
  // The same without gradients.
  LossSum Loss(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence);
  // Logits [sequence, vocab] of one sequence, or of its last position alone.
  std::vector<float> Logits(const std::vector<int32_t>& ids, bool last_only);

  // The stack of path `path` on its own slice of the embedding: hidden states [sequence, d] after the embedding and after
  // each block. Of a dense model, path 0 is the model itself. What the gate compares.
  std::vector<std::vector<float>> PathStates(size_t path, const std::vector<int32_t>& ids);

 private:
  Network(model::ModelSpec spec, Layout layout);
  struct Impl;
  const model::ModelSpec spec_;
  const Layout layout_;
  std::unique_ptr<Impl> impl_;
};

// Sets threads and allocator for this process; before the first tensor. Again changes the threads alone. Reductions are deterministic from here on.
void ConfigureRuntime(int64_t threads);
// What decides the bits besides seed, world and threads: "AVX2", "AVX512", ... and the version of torch.
std::string InstructionSet();

}  // namespace braid::trainer
