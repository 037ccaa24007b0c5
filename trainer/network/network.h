// A model that computes: parameters and gradients in flat buffers, forward and backward of ATen
// operators and our own functions. No torch in this header, so that the loop compiles without it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"
#include "spec/train.h"
#include "storage/files/safetensors.h"
#include "trainer/network/intervention.h"
#include "trainer/network/layout.h"
#include "trainer/network/teaching.h"

namespace braid::trainer {

// A label that counts for nothing.
inline constexpr int32_t kIgnore = -1;

// Losses of a pass as sums, not means: sums of several micro-batches and ranks are added before
// they are divided.
struct LossSum {
  double loss = 0;  // sum over the targets, nats
  int64_t targets = 0;
  double last = 0;  // what the last position of each sequence gives of it (T1 of PaPaformer section
                    // 7)
  double auxiliary = 0;  // of a training pass with a router: lambda-weighted terms (8) and (9),
                         // mean over the rows
  // Of a pass with teachers: the sum of the divergences over the targets that have one, neither
  // weighed nor scaled, and the number of these. `loss` does not contain them.
  double divergence = 0;
  int64_t taught = 0;
};

// The auxiliary losses and the dropout of training passes (docs/papers/papaformer.md#s7, T3 and T4;
// 1.1).
struct Auxiliary {
  double lambda_entropy = 0.01;
  double lambda_load = 0.01;
  spec::AuxLoad load = spec::AuxLoad::kNegEntropy;  // T3
  spec::AuxProbs probs = spec::AuxProbs::kSoftmax;  // T4
  double dropout = 0;                               // of the blocks of parallel layers
  // Makes of each number its mean over the ranks that train together, which all ask in the same
  // order: (9) is of the whole micro-batch. Empty: there is one rank.
  std::function<void(double* values, int64_t count)> mean_over_ranks;
};

// The options of Network::Backward for one micro-batch.
struct BackwardOptions {
  double scale = 1;      // of the sum of losses
  double aux_scale = 1;  // of the auxiliary losses
  // Random numbers (Gumbel noise, dropout) are functions of (seed, draw, place, row): another draw
  // for each micro-batch, and rows counted over all ranks, so that they do not depend on how many
  // ranks there are.
  uint64_t seed = 42;
  uint64_t draw = 0;
  int64_t first_row = 0;  // sequence of the micro-batch that this rank begins with
  // Of the products with weights, forward and backward. kBf16 is for CPUs alone.
  spec::Precision precision = spec::Precision::kFp32;
  // If set, teachers add to the loss.
  const Teaching* teaching = nullptr;
};

// Reads sequences side by side, some tokens of each at a time, and keeps the keys and values of
// those read: what generation needs.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // ids[s] follow all ids given for sequence s before; of a sequence without ids nothing is read.
  // Logits [vocab] after the last id of each of the others, in their order, one behind the other;
  // they are valid until the next call. On a CPU no sequence changes what another one gives, but
  // for rounding in routers and gates. REQUIRES: there is an entry for each sequence, one at least
  // is not empty, and not more than `capacity` of a sequence are read in all.
  virtual std::span<const float> ReadAll(const std::vector<std::vector<int32_t>>& ids) = 0;
  // The same of a decoder of one sequence.
  std::vector<float> Read(const std::vector<int32_t>& ids);
};

// The model's prediction of the token that followed.
struct TokenPrediction {
  double log_probability = 0;  // natural logarithm
  int64_t rank = 0;            // tokens that are likelier: 0 for the likeliest
};

// Owns its parameters and gradients, on one device. Not thread-safe. Functions that compute may
// throw what LibTorch throws (kernels/fault.h converts it); all sizes are checked by the caller.
class Network {
 public:
  // `device` is cpu or cuda; cuda without a device or without the plug-in is DEVICE_UNUSABLE
  // (kernels/fault.h).
  static Result<std::unique_ptr<Network>> Create(const model::ModelSpec& spec,
                                                 const std::string& device);
  ~Network();

  const model::ModelSpec& spec() const { return spec_; }
  const Layout& layout() const { return layout_; }
  std::string device() const;  // "cpu" or "cuda:0"

  // layout().size floats each, on the device. Valid as long as the network is, and written by
  // optimizers and by gangs' reductions in place.
  float* parameters();
  float* gradients();
  // Sets all gradients to zero; to be called before the first Backward of a step.
  void ZeroGradients();

  // Initial values from (seed, tensor name).
  void Initialize(uint64_t seed);
  // Every tensor of the model must be in the file, as F32 and in its shape, and no other: errors
  // name it.
  Status Load(const storage::SafetensorsFile& file);

  // ids, labels: [batch, sequence] on the host. Adds scale * d(sum of losses) and aux_scale *
  // d(auxiliary) to the gradients.
  LossSum Backward(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence,
                   const BackwardOptions& options);
  // Scales the maps between the streams of a composite that shares or routes, so that what each
  // gives has the root mean square that the streams of the paths, each by itself, have there, over
  // ids [batch, sequence] (docs/models.md, "Matched streams"). Returns the factors. REQUIRES:
  // model::WhyNoMatch says nothing.
  std::vector<double> MatchRms(const int32_t* ids, int64_t batch, int64_t sequence);
  // Scales the same maps by the factors that MatchRms of an equal network has returned. REQUIRES as
  // of MatchRms.
  void ScaleMaps(const std::vector<double>& factors);
  // Sets the auxiliary losses and dropout of all later training passes.
  void SetAuxiliary(const Auxiliary& auxiliary);

  // Begins an evaluation. With `router_noise: always` every pass draws new noise, from a sequence
  // of draws that begins here.
  void SetEvaluationSeed(uint64_t seed);
  // Sets the intervention of all later evaluation passes; {} ends it. A pass throws
  // std::invalid_argument unless `positions` has one entry for each of its rows, or none.
  void SetIntervention(const std::optional<Intervention>& intervention);
  // The loss without gradients; `of_sequences` (may be null) receives the sum of each sequence,
  // [batch].
  LossSum Loss(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence,
               std::vector<double>* of_sequences = nullptr);
  // log p of labels[i] at row i, [batch * sequence]; 0 where the label is negative.
  std::vector<float> TokenLogProbabilities(const int32_t* ids, const int32_t* labels, int64_t batch,
                                           int64_t sequence);
  // How the model predicted labels[i] at row i, [batch * sequence]; {0, 0} where the label is
  // negative. REQUIRES: labels are below vocab.
  std::vector<TokenPrediction> Predictions(const int32_t* ids, const int32_t* labels, int64_t batch,
                                           int64_t sequence);
  // Logits [sequence, vocab] of one sequence, or of its last position alone.
  std::vector<float> Logits(const std::vector<int32_t>& ids, bool last_only);
  // Makes a decoder of `sequences` sequences, with at most `capacity` tokens each. Its logits equal
  // those of Logits but for rounding. The network must outlive it.
  std::unique_ptr<Decoder> NewDecoder(int64_t capacity, int64_t sequences = 1);
  // Read-outs of every block with a deep or a wide path, in the order in which they run.
  std::vector<BlockReadout> Readouts(const int32_t* ids, int64_t batch, int64_t sequence);
  // Decisions of every parallel layer of a share or routed composite; empty for other models. Where
  // evaluation is noisy there is a second pass without noise, which draws nothing.
  std::vector<LayerRouting> Routing(const int32_t* ids, int64_t batch, int64_t sequence);

  // The stack of path `path` on its own slice of the embedding: hidden states [sequence, d] after
  // the embedding and after each block. Of a dense model, path 0 is the model itself. For the
  // comparison of a composite with its parents (trainer/gate/gate.h).
  std::vector<std::vector<float>> PathStates(size_t path, const std::vector<int32_t>& ids);

  struct Impl;  // network_impl.h: for the files of this folder alone
  Impl& impl() { return *impl_; }

 private:
  Network(model::ModelSpec spec, Layout layout);
  const model::ModelSpec spec_;
  const Layout layout_;
  std::unique_ptr<Impl> impl_;
};

// Sets the number of threads and the allocator of this process, and makes reductions deterministic.
// To be called before the first tensor is made; later calls change the number of threads only.
void ConfigureRuntime(int64_t threads);
// The part of the environment that decides the bits of results, besides seed, world and threads:
// "AVX2", "AVX512", ..., the version of torch, the kernels, and "bf16" if that is the precision.
std::string InstructionSet(spec::Precision precision = spec::Precision::kFp32);
// The same, but equal for kernels that give equal bits in this precision: ranks that have it in
// common make the same update. With AMX's tiles, products of bf16 have bits of their own.
std::string CommonInstructionSet(spec::Precision precision);
// Whether this processor has an instruction for products of bf16 that BRAID_ISA does not forbid:
// without it they are slower than those of fp32.
bool MultipliesBf16();

}  // namespace braid::trainer
