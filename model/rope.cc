#include "model/rope.h"

#include <cmath>
#include <numbers>

#include "model/spec.h"

namespace braid::model {
namespace {

double Scaled(double frequency, const RopeScaling& scaling) {
  const double turns = static_cast<double>(scaling.original_max_position_embeddings) * frequency /
                       (2 * std::numbers::pi);
  if (turns < scaling.low_freq_factor) return frequency / scaling.factor;
  if (turns > scaling.high_freq_factor) return frequency;
  const double fast = (turns - scaling.low_freq_factor) /
                      (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - fast) * frequency / scaling.factor + fast * frequency;
}

}  // namespace

std::vector<double> RopeFrequencies(const Arch& arch, int64_t head_size) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < head_size / 2; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_size),
                 frequency = std::pow(arch.rope_base, exponent);
    frequencies.push_back(arch.rope_scaling ? Scaled(frequency, *arch.rope_scaling) : frequency);
  }
  return frequencies;
}

}  // namespace braid::model
