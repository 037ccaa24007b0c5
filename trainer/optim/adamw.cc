// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019): first moments `m`
// and second moments `v` of every tensor (docs/papers/papaformer.md#s5).
#include "trainer/optim/flat_optimizer.h"

namespace braid::trainer {
namespace {

enum AdamWState { kFirstMoment, kSecondMoment };
enum AdamWGroup { kDecaying, kNotDecaying };

std::vector<StateLayout> AdamWStates(const Layout& layout) {
  const std::vector<bool> all(layout.slots.size(), true);
  return {MakeStateLayout("m", layout, all), MakeStateLayout("v", layout, all)};
}

std::vector<int> AdamWGroups(const Layout& layout, const OptimizerConfig& config) {
  std::vector<int> groups;
  for (const Layout::Slot& slot : layout.slots)
    groups.push_back(Decays(slot.tensor, config.decay_scope) ? kDecaying : kNotDecaying);
  return groups;
}

class AdamW final : public FlatOptimizer {
 public:
  AdamW(Network& network, const OptimizerConfig& config)
      : FlatOptimizer(network, config, AdamWStates(network.layout()),
                      AdamWGroups(network.layout(), config)) {}

 private:
  bool UpdatesElements() const override { return true; }

  void Update(const std::vector<const Range*>& ranges, double divide) override {
    for (const int group : {kDecaying, kNotDecaying})
      UpdateByAdamW(ranges, {group, kFirstMoment, kSecondMoment, group == kDecaying}, divide);
  }
};

}  // namespace

OptimizerKind AdamWKind() {
  return {spec::OptimizerKind::kAdamW, &AdamWStates,
          [](Network& network, const OptimizerConfig& config) -> std::unique_ptr<Optimizer> {
            return std::make_unique<AdamW>(network, config);
          }};
}

}  // namespace braid::trainer
