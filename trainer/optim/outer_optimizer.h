// The outer optimizer of ranks that train by themselves for some steps (DiLoCo, arXiv 2311.08105;
// docs/models.md, "Outer steps"): SGD with Nesterov momentum, whose gradient is what the ranks have
// changed since its last step. It keeps two copies of the weights on the network's device, the
// weights of that step and the momentum, with the same bits on every rank.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "spec/sync.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// Bound to a network, which must outlive it. Not thread-safe.
class OuterOptimizer {
 public:
  // All as after an outer step at the network's present weights, with momentum 0.
  OuterOptimizer(const spec::OuterSgd& settings, Network& network);
  // Releases the buffers.
  ~OuterOptimizer();

  // The network's weights are those of the last outer step, and the momentum is 0.
  void Begin();

  // Writes what this rank has changed, the weights of the last outer step less its present ones,
  // to the network's gradients. REQUIRES: the gradients are zero.
  void TakeChange();
  // Makes a step. The network's gradients hold the sum of the changes of `ranks` ranks; they are
  // zero afterwards, and the network's weights are those of this step. The arithmetic is that of
  // fp64, with one rounding of each weight and of its momentum.
  void Step(int64_t ranks);

  // Copies in host memory, in the network's layout: the weights of the last step, the momentum.
  std::vector<float> Weights() const;
  std::vector<float> Momentum() const;
  // Continues from such copies; the network keeps its present weights, which are this rank's own.
  void Restore(const std::vector<float>& weights, const std::vector<float>& momentum);

 private:
  struct Buffers;
  const spec::OuterSgd settings_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace braid::trainer
