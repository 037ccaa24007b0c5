// Optimizers: they turn the gradients of a network into an update of its parameters. Each is found
// by its kind, whose word is its name in recipes (registry.cc). The training loop, checkpoints and
// the estimate of memory know optimizers only through this interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/train.h"
#include "trainer/network/layout.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// The settings of an optimizer in a recipe. An optimizer ignores fields that it does not use. The
// published values are in docs/papers/papaformer.md#s5.
struct OptimizerConfig {
  // Decay rates of Adam's first and second moments, and the constant added to the denominator; for
  // every optimizer that uses AdamW for some of its tensors.
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-5;
  double weight_decay = 0.1;                                   // decoupled: times the learning rate
  spec::DecayScope decay_scope = spec::DecayScope::kMatrices;  // T5
  double clip = 1.0;  // bound of the global gradient norm; 0: none
  // The blocks of the paths, `parallel.{l}.path.{p}.*`, keep their bits, state and ages for the
  // first so many steps, -1: for ever. Their gradients do not count in the norm that is clipped.
  int64_t freeze_path_steps = 0;
  // Of composites: tensors with a rate, a warm-up or a weight decay of their own; and those that
  // alone are trained for the first steps, while all others are frozen as above.
  std::vector<spec::TensorGroup> groups = {};
  std::optional<spec::FirstOnly> first = {};
  spec::OptimizerKind kind = spec::OptimizerKind::kAdamW;
  double momentum = 0.95;  // of muon
};

// The layout of one flat buffer of optimizer state, which has one value for each element of the
// tensors that it covers.
struct StateLayout {
  // The tensors are stored as `<name>.<tensor>` in optimizer.safetensors, so the name has no dot.
  std::string name;
  // Where each tensor of the network's layout begins in the buffer, in the order of Layout::slots;
  // -1 for a tensor without this state.
  std::vector<int64_t> offsets;
  // The number of floats in the buffer.
  int64_t size = 0;

  // True iff the tensor in this slot has this state.
  bool Covers(size_t slot) const { return offsets[slot] >= 0; }
};

// The layout of a state for the tensors whose slot is true in `covers`. Adjacent tensors of
// `layout` that are both covered keep their distance in the buffer, so that one view covers them.
StateLayout MakeStateLayout(std::string name, const Layout& layout,
                            const std::vector<bool>& covers);

// What a training with outer steps keeps besides (outer_optimizer.h), of all ranks, on rank 0. Flat
// buffers of several ranks are one behind the other, in the order of the ranks.
struct OuterSnapshot {
  int64_t ranks = 1;
  // The step of the last outer step.
  int64_t step = 0;
  // In the network's layout.
  std::vector<float> momentum;
  // The ranks' own weights within a round, [ranks, layout.size]; empty behind an outer step, where
  // all have the same.
  std::vector<float> p;
  // Of each state of the snapshot, the values of all ranks, [ranks, its layout.size].
  std::vector<std::vector<float>> state;
};

// A copy in host memory of everything from which training continues.
struct OptimizerSnapshot {
  // A buffer of state: its layout and its layout.size values.
  struct State {
    StateLayout layout;
    std::vector<float> values;
  };
  // The parameters, in the network's layout.
  std::vector<float> p;
  // In the order of OptimizerKind::states.
  std::vector<State> state;
  // The age of each tensor (Optimizer), in the order of Layout::slots. Empty: all are `step`.
  std::vector<int64_t> ages;
  // The number of updates done, whatever the ages say.
  int64_t step = 0;
  // The mean of the weights after `averaged` of the updates so far (weight_average.h), in the
  // network's layout; empty: there is none.
  std::vector<float> average;
  int64_t averaged = 0;
  // Of a training with outer steps: then `p` are the weights of the last of these, and `state` is
  // that of rank 0.
  std::optional<OuterSnapshot> outer;

  // The state of this name. REQUIRES: there is one.
  State& Of(std::string_view name);
  // The same for reading.
  const State& Of(std::string_view name) const;
};

// What one rank updates of the network, if ranks have weights and state in common.
struct UpdatePart {
  // The elements [begin, end) of the flat buffers, in which this rank has the gradient. Both are
  // multiples of kNormPiece (gradient_norm.h), or the end of the buffers.
  int64_t begin = 0, end = 0;
  // Replaces a few numbers by their sums over the ranks, which all call it.
  std::function<void(std::vector<double>* values)> add_up;
};

// The part of rank number `rank` of `world`: about equal ones, without gaps, of `size` elements.
UpdatePart PartOfRank(int64_t rank, int64_t world, int64_t size);

// An optimizer bound to a network. Every tensor has an age: the number of updates that its state
// has seen, by which the bias of Adam's moments is corrected. Tensors that are initialised together
// have the same age. After a merge that carries the parents' optimizer state, tensors of the
// parents keep their age, and new ones begin at 0. Not thread-safe.
class Optimizer {
 public:
  using Snapshot = OptimizerSnapshot;

  virtual ~Optimizer() = default;

  // Makes one update from the network's gradients with the learning rate `lr`, then sets the
  // gradients to zero. Returns the global norm of the gradients before clipping. If the norm is not
  // finite, nothing but the gradients changes.
  virtual double Step(double lr) = 0;
  // Buffers that ranks may have in common if each updates a part of them: weights and state, whole
  // pages in host memory. Empty: the update of a part needs all gradients, and every rank makes the
  // whole update.
  virtual std::vector<std::span<float>> SharedBuffers() = 0;
  // From now on Step updates this part alone. REQUIRES: SharedBuffers are in common.
  virtual void UpdateOnly(UpdatePart part) = 0;
  // Copies the present state.
  virtual Snapshot Take() const = 0;
  // Continues from a snapshot. REQUIRES: the snapshot has the sizes and states of Take().
  virtual void Restore(const Snapshot& snapshot) = 0;
};

// An entry of the registry.
struct OptimizerKind {
  // `kind` of a recipe's `optimizer`; its word is the optimizer's name (spec/train.h).
  spec::OptimizerKind kind;
  // The buffers that the optimizer keeps for a network of this layout.
  std::vector<StateLayout> (*states)(const Layout& layout);
  // Makes an optimizer for `network`, which must outlive it.
  std::unique_ptr<Optimizer> (*make)(Network& network, const OptimizerConfig& config);
};

// All optimizers: one for each value of spec::OptimizerKind.
const std::vector<OptimizerKind>& OptimizerKinds();
// The entry of this kind.
const OptimizerKind& FindOptimizer(spec::OptimizerKind kind);
// Makes the optimizer config.kind, with its state at zero.
std::unique_ptr<Optimizer> MakeOptimizer(Network& network, const OptimizerConfig& config);

}  // namespace braid::trainer
