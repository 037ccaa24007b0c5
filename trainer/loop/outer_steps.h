// The outer steps of a training whose ranks train by themselves (`sync: diloco`): when they come,
// what the ranks exchange in them, and what checkpoints keep of them.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "spec/sync.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/outer_checkpoint.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/outer_optimizer.h"

namespace braid::trainer {

// Not thread-safe.
class OuterSteps {
 public:
  // For a training of `total` steps, from the network's present weights on. The network outlives
  // this.
  OuterSteps(const spec::Sync& settings, int64_t total, Network& network);

  // Whether an outer step follows step `step`, from 1.
  bool Ends(int64_t step) const { return settings_.EndsRound(step, total_); }
  // The step of the outer step before that which ends the round of `step`, from 1.
  int64_t RoundBegin(int64_t step) const { return settings_.RoundBegin(step); }
  // The step behind which the round that has begun at or before `step` ends. REQUIRES: step <
  // total.
  int64_t RoundEnd(int64_t step) const;

  // The network's weights are those with which all ranks begin.
  void Begin() { optimizer_.Begin(); }
  // Makes the outer step behind step `step`, on all ranks together, which then have the same
  // weights. REQUIRES: the gradients are zero, as the optimizer leaves them. Errors are those of
  // the collective operations.
  Status Step(int64_t step, Collective& collective);

  // Completes a snapshot of this rank after `step` steps so that all ranks can go on from it: those
  // of the others come to rank 0. All ranks call it together. Errors as of Step.
  Status Complete(int64_t step, Collective& collective, OptimizerSnapshot* snapshot) const;
  // Goes on from a checkpoint.
  void Restore(const OuterState& state);

 private:
  Status AddUp(Collective& collective);

  const spec::Sync settings_;
  const int64_t total_;
  Network& network_;
  OuterOptimizer optimizer_;
  // The step of the last outer step.
  int64_t last_ = 0;
};

}  // namespace braid::trainer
