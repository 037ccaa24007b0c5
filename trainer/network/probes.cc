#include "trainer/network/probes.h"

#include <cmath>

namespace braid::trainer {

void ForEachReading(const BlockReadout& block,
                    const std::function<void(const std::string&, const std::vector<float>&)>& use) {
  std::vector<float> gaps(block.gate_deep.size());
  for (size_t i = 0; i < gaps.size(); ++i)
    gaps[i] = std::abs(block.gate_deep[i] - block.gate_wide[i]);
  const std::pair<const char*, const std::vector<float>*> all[] = {
      {"deep_share", &block.deep_share},
      {"cosine", &block.cosine},
      {"gate_deep", &block.gate_deep},
      {"gate_wide", &block.gate_wide},
      {"gate_gap", &gaps},
      {"norm_deep", &block.norm_deep},
      {"norm_wide", &block.norm_wide},
      {"norm_input", &block.norm_input},
      {"expected_steps", &block.expected_steps}};
  for (const auto& [name, values] : all) {
    if (!values->empty()) use(name, *values);
  }
  for (size_t k = 0; k < block.step_router.size(); ++k)
    use("step_router_" + std::to_string(k + 1), block.step_router[k]);
}

std::map<std::string, double> ScalesOf(const BlockReadout& block) {
  std::map<std::string, double> scales;
  for (size_t k = 0; k < block.scale_deep.size(); ++k)
    scales["scale_deep_" + std::to_string(k + 1)] = block.scale_deep[k];
  if (!block.norm_wide.empty()) scales["scale_wide"] = block.scale_wide;
  return scales;
}

}  // namespace braid::trainer
