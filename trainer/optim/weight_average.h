// The mean of a network's weights after several of its last updates, which stands in the place of a
// decay of the rate ("WSM", arXiv 2507.17634). It is one more copy of the weights on the network's
// device; checkpoints carry it, so that a resumed training ends with the same bits.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "spec/train.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Bound to a network, which must outlive it. Not thread-safe.
class WeightAverage {
 public:
  // `settings.last` may be 0: then all functions do nothing, and no memory is taken. REQUIRES:
  // settings.reach() < total.
  WeightAverage(const spec::Average& settings, int64_t total, Network& network);
  // Releases the buffers.
  ~WeightAverage();

  // Called after each update, with the number of updates so far. Takes the weights into the mean if
  // they are one of its states; after the last update of the training the mean becomes the weights.
  void AfterUpdate(int64_t step);

  // Puts the mean so far into a snapshot, or takes it from there. There is none before its first
  // state and behind the end of the training.
  void Save(OptimizerSnapshot* snapshot) const;
  void Restore(const OptimizerSnapshot& snapshot);

 private:
  // The weights behind update `step` are a state of the mean.
  bool IsState(int64_t step) const;

  struct Mean;
  const spec::Average settings_;
  const int64_t total_;
  Network& network_;
  std::unique_ptr<Mean> mean_;  // null: no state yet
  int64_t count_ = 0;           // states in the mean
};

}  // namespace braid::trainer
