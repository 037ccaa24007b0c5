// The common part of optimizers that work on flat buffers of all parameters and gradients: freezing
// of paths, the norm and its check, ages, and snapshots. A kind of optimizer adds how a group of
// adjacent tensors is updated.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <utility>
#include <vector>

#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Base class of the optimizers. Not thread-safe.
class FlatOptimizer : public Optimizer {
 public:
  // Do what Optimizer says; Step leaves the update itself to Update.
  double Step(double lr) final;
  Snapshot Take() const final;
  void Restore(const Snapshot& snapshot) final;
  std::vector<std::span<float>> SharedBuffers() final;
  void UpdateOnly(UpdatePart part) final { part_ = std::move(part); }

 protected:
  // `network` must outlive the optimizer. `states` are the buffers to keep, which begin at zero.
  // `groups` gives each slot of the layout a number: tensors with equal numbers are updated in the
  // same way.
  FlatOptimizer(Network& network, const OptimizerConfig& config, std::vector<StateLayout> states,
                std::vector<int> groups);

  // Adjacent tensors in the buffers with equal settings and age, with the padding between them.
  struct Range {
    size_t first_slot = 0;
    size_t slots = 0;
    // The elements [begin, begin + count) of parameters and gradients.
    int64_t begin = 0;
    int64_t count = 0;
    int group = 0;
    // An index into treatments_: what the settings say of these tensors alone.
    size_t treatment = 0;
    // The rate and the weight decay of the present update, set before Update runs. The decay is
    // decoupled, multiplied by the rate; the derived class decides whether the tensors decay.
    double lr = 0;
    double weight_decay = 0;
    // The age of the tensors (Optimizer), which counts the present update while Update runs.
    int64_t age = 0;
    // The age as a tensor on the device, as the fused kernel wants it.
    at::Tensor step;
  };

  // Updates parameters and state of `ranges` (those that are not frozen, in order). The gradients
  // still have to be divided by `divide`, and may be overwritten. Called without autograd.
  virtual void Update(const std::vector<const Range*>& ranges, double divide) = 0;
  // Whether an element's update depends on nothing but its own gradient and state, and the norm.
  virtual bool UpdatesElements() const = 0;

  // AdamW for the ranges of `group`, with the moments in the states number `first_moment` and
  // `second_moment`; other optimizers use it for some of their tensors.
  struct AdamWRule {
    int group = 0;
    size_t first_moment = 0;
    size_t second_moment = 0;
    // The tensors of the group decay.
    bool decays = false;
  };
  // Updates the ranges of the rule's group. On a CPU this sets the gradients to zero in the same
  // pass.
  void UpdateByAdamW(const std::vector<const Range*>& ranges, const AdamWRule& rule, double divide);

  // Views of a range in the buffers, on the network's device.
  at::Tensor Parameters(const Range& range) const;
  at::Tensor Gradients(const Range& range) const;
  // A view of a range in the state number `which`. REQUIRES: the state covers the tensors of the
  // range.
  at::Tensor State(size_t which, const Range& range) const;
  const Layout& layout() const { return network_.layout(); }
  const OptimizerConfig& config() const { return config_; }

 private:
  // The norm of the gradients, of all parts.
  double Norm() const;
  // AdamW's rule on what is in the part of one range of the flat buffers, cut into pieces for the
  // threads.
  void UpdateOnCpu(const Range& range, const AdamWRule& rule, double divide);
  // What the settings say of a tensor.
  struct Treatment : spec::TensorTreatment {
    // It is trained from this step on, counted from 0.
    int64_t first_step = 0;

    friend bool operator==(const Treatment&, const Treatment&) = default;
  };
  Treatment TreatmentOf(const std::string& tensor) const;
  bool IsFrozen(const Range& range) const {
    return step_ < treatments_[range.treatment].first_step;
  }
  // The rate of a range at this step, of which the schedule's is `lr`. REQUIRES: it is not frozen.
  double RateOf(const Range& range, double lr) const;
  // Makes the ranges again, with the age of each slot. Empty: every tensor is as old as step_.
  void SetAges(const std::vector<int64_t>& ages);

  Network& network_;
  const OptimizerConfig config_;
  const std::vector<StateLayout> states_;
  const std::vector<int> groups_;
  // The distinct treatments, and the index of that of each slot.
  std::vector<Treatment> treatments_;
  std::vector<size_t> treatment_of_;
  // All parameters and gradients, as views of the network's buffers.
  at::Tensor p_, g_;
  std::vector<at::Tensor> state_;
  std::vector<Range> ranges_;
  int64_t step_ = 0;
  // All, or what ranks with weights and state in common leave to this one.
  UpdatePart part_;
  // Elements whose gradients the update of this step has set to zero.
  int64_t zeroed_ = 0;
};

// Whether weight decay is applied to a tensor under `decay_scope`.
bool Decays(const model::TensorSpec& tensor, spec::DecayScope decay_scope);

}  // namespace braid::trainer
