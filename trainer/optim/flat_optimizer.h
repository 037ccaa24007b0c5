// What optimizers over the flat buffers have in common: freezing of paths, the norm and its check,
// ages, and snapshots. A kind of optimizer adds how a group of neighbouring tensors is updated.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/optim/optimizer.h"

namespace braid::trainer {

class FlatOptimizer : public Optimizer {
 public:
  double Step(double lr) final;
  Snapshot Take() const final;
  void Restore(const Snapshot& snapshot) final;

 protected:
  // `groups` has a number for each slot of the layout: tensors of one group are updated alike.
  FlatOptimizer(Network& network, const OptimizerConfig& config, std::vector<StateLayout> states,
                std::vector<int> groups);

  // Neighbours in the buffers that are treated alike, with the gaps between them.
  struct Range {
    size_t first_slot = 0;
    size_t slots = 0;
    int64_t begin = 0;  // elements [begin, begin + count) of parameters and gradients
    int64_t count = 0;
    int group = 0;
    bool freezes = false;  // a path's, where the settings freeze paths
    int64_t age = 0;       // of its tensors, this update included while Update runs
    at::Tensor step;       // the age, on the device
  };

  // Updates parameters and state of `ranges` (those that are not frozen, in order) from gradients
  // that are to be divided by `divide`; may overwrite the gradients. Runs without autograd.
  virtual void Update(const std::vector<const Range*>& ranges, double lr, double divide) = 0;

  // AdamW, which other optimizers follow for some of the tensors: for the ranges of `group`, whose
  // moments are the states number `first_moment` and `second_moment`.
  struct AdamWRule {
    int group = 0;
    size_t first_moment = 0;
    size_t second_moment = 0;
  };
  void UpdateByAdamW(const std::vector<const Range*>& ranges, const AdamWRule& rule, double lr,
                     double weight_decay, double divide);

  // Views into the buffers, on the network's device.
  at::Tensor Parameters(const Range& range) const;
  at::Tensor Gradients(const Range& range) const;
  // Of the state number `which`. REQUIRES: it covers the tensors of the range.
  at::Tensor State(size_t which, const Range& range) const;
  const Layout& layout() const { return network_.layout(); }
  const OptimizerConfig& config() const { return config_; }

 private:
  bool PathsFrozen() const;
  // Makes the ranges anew. No ages: every tensor is as old as step_.
  void SetAges(const std::vector<int64_t>& ages);

  Network& network_;
  const OptimizerConfig config_;
  const std::vector<StateLayout> states_;
  const std::vector<int> groups_;
  at::Tensor p_, g_;
  std::vector<at::Tensor> state_;
  std::vector<Range> ranges_;
  int64_t step_ = 0;
};

// Whether weight decay is applied to a tensor under `decay_scope`.
bool Decays(const model::TensorSpec& tensor, spec::DecayScope decay_scope);

}  // namespace braid::trainer
