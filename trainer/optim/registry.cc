// The list of all optimizers. A new one is a file in this folder and one line in each of the two
// lists below.
#include <stdexcept>

#include "trainer/optim/optimizer.h"

namespace braid::trainer {

OptimizerKind AdamWKind();
OptimizerKind MuonKind();

const std::vector<OptimizerKind>& OptimizerKinds() {
  static const std::vector<OptimizerKind> kKinds = {AdamWKind(), MuonKind()};
  return kKinds;
}

const OptimizerKind& FindOptimizer(spec::OptimizerKind kind) {
  for (const OptimizerKind& one : OptimizerKinds()) {
    if (one.kind == kind) return one;
  }
  throw std::logic_error("there is no optimizer " + NameOf(kind));
}

std::unique_ptr<Optimizer> MakeOptimizer(Network& network, const OptimizerConfig& config) {
  return FindOptimizer(config.kind).make(network, config);
}

}  // namespace braid::trainer
