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

std::vector<std::string> OptimizerNames() {
  std::vector<std::string> names;
  for (const OptimizerKind& kind : OptimizerKinds()) names.emplace_back(kind.name);
  return names;
}

const OptimizerKind& FindOptimizer(const std::string& name) {
  for (const OptimizerKind& kind : OptimizerKinds()) {
    if (name == kind.name) return kind;
  }
  throw std::logic_error("no optimizer is called " + name);
}

std::unique_ptr<Optimizer> MakeOptimizer(Network& network, const OptimizerConfig& config) {
  return FindOptimizer(schema::NameOf(config.kind)).make(network, config);
}

}  // namespace braid::trainer
