// Optimizers: what turns the gradients of a network into an update of its parameters. Each is found
// by its name (registry.cc); a training, its checkpoints and the memory account know them only
// through this interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/train.h"
#include "trainer/network/layout.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// What a recipe says of an optimizer. A field that an optimizer does not use is ignored by it.
struct OptimizerConfig {
  // Of every optimizer that keeps Adam's moments of some tensors.
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-5;
  double weight_decay = 0.1;                                   // decoupled: times the learning rate
  spec::DecayScope decay_scope = spec::DecayScope::kMatrices;  // T5
  double clip = 1.0;  // bound of the global gradient norm; 0: none
  // The blocks of the paths, `parallel.{l}.path.{p}.*`, keep their bits, state and ages for the
  // first so many steps, -1: for ever. Their gradients do not count in the norm that is clipped.
  int64_t freeze_path_steps = 0;
  spec::OptimizerKind kind = spec::OptimizerKind::kAdamW;
  double momentum = 0.95;  // of muon
};

// One flat buffer of an optimizer's state: a value for each element of the tensors that it covers.
struct StateLayout {
  // Its tensors are stored as `<name>.<tensor>` in optimizer.safetensors, so it has no dot in it.
  std::string name;
  // Where each tensor of the network's layout begins in the buffer, in the order of Layout::slots;
  // -1 for a tensor that has no such state.
  std::vector<int64_t> offsets;
  int64_t size = 0;  // floats

  bool Covers(size_t slot) const { return offsets[slot] >= 0; }
};

// The state of that name for the tensors where `covers` (by slot) is true. Neighbours in `layout`
// that are both covered have the same distance in the buffer.
StateLayout MakeStateLayout(std::string name, const Layout& layout,
                            const std::vector<bool>& covers);

// A copy on the host of everything that training goes on from.
struct OptimizerSnapshot {
  struct State {
    StateLayout layout;
    std::vector<float> values;  // layout.size
  };
  std::vector<float> p;      // parameters, in the network's layout
  std::vector<State> state;  // in the order of OptimizerKind::states
  // Updates behind the state of each tensor, in the order of Layout::slots. Empty: as many as
  // `step` for every tensor.
  std::vector<int64_t> ages;
  int64_t step = 0;  // updates done, whatever the ages say

  // The state of that name. REQUIRES: there is one.
  State& Of(std::string_view name);
  const State& Of(std::string_view name) const;
};

// Every tensor has an age: the number of updates behind its state, by which the bias of Adam's
// moments is corrected. Tensors that begin together have one age; those of a merge that carries its
// parents' state are as old as in the parents, its new tensors begin at 0.
class Optimizer {
 public:
  using Snapshot = OptimizerSnapshot;

  virtual ~Optimizer() = default;

  // One update from the network's gradients at the learning rate `lr`; the gradients are zero
  // afterwards. Returns their global norm before clipping. If that is not finite, nothing but the
  // gradients has changed.
  virtual double Step(double lr) = 0;
  virtual Snapshot Take() const = 0;
  // Goes on from a snapshot. REQUIRES: it has the sizes and states of Take().
  virtual void Restore(const Snapshot& snapshot) = 0;
};

// An entry of the registry.
struct OptimizerKind {
  const char* name;  // `kind` of a recipe's `optimizer`
  // The buffers that it keeps for a network of that layout.
  std::vector<StateLayout> (*states)(const Layout& layout);
  // `network` outlives the optimizer.
  std::unique_ptr<Optimizer> (*make)(Network& network, const OptimizerConfig& config);
};

const std::vector<OptimizerKind>& OptimizerKinds();
// Their names, for the reader of settings.
std::vector<std::string> OptimizerNames();
// The kind of that name. REQUIRES: it is one of OptimizerNames(), as settings are checked to be.
const OptimizerKind& FindOptimizer(const std::string& name);
// The optimizer of `config.kind` with its state at zero.
std::unique_ptr<Optimizer> MakeOptimizer(Network& network, const OptimizerConfig& config);

}  // namespace braid::trainer
