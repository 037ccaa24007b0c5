#include "trainer/network/blocks/readout.h"

#include <ATen/ATen.h>

#include "trainer/network/to_host.h"

namespace braid::trainer {
namespace {

// Below this a direction means nothing, and the cosine is left near 0.
constexpr double kSmallestNorm = 1e-6;

at::Tensor Norms(const at::Tensor& x) {
  return at::linalg_vector_norm(x, 2, {1}, true);
}

}  // namespace

void ReadOut(const BlockParts& parts, ForwardContext& pass) {
  const auto& [place, x, deep_path, steps, wide_path, wide, gates] = parts;
  BlockReadout read;
  read.place = place;
  read.norm_input = ToHost(Norms(x));
  at::Tensor deep_norm, wide_norm;
  if (steps != nullptr) {
    deep_norm = Norms(steps->mixed - x);
    read.norm_deep = ToHost(deep_norm);
    read.scale_deep = ToHost(deep_path->Scales());
    for (const at::Tensor& q : steps->routers) read.step_router.push_back(ToHost(q));
    if (!steps->weights.empty()) {
      at::Tensor expected = at::zeros_like(steps->weights.front());
      for (size_t k = 0; k < steps->weights.size(); ++k)
        expected = expected + static_cast<double>(k + 1) * steps->weights[k];
      read.expected_steps = ToHost(expected);
    }
  }
  if (wide.defined()) {
    wide_norm = Norms(wide - x);
    read.norm_wide = ToHost(wide_norm);
    read.scale_wide = wide_path->Scale().item<float>();
  }
  if (gates != nullptr) {
    read.gate_deep = ToHost(gates->deep);
    read.gate_wide = ToHost(gates->wide);
    const at::Tensor deep = gates->deep * deep_norm, all = deep + gates->wide * wide_norm;
    read.deep_share = ToHost(at::where(all > 0, deep / all, at::zeros_like(deep)));
    const at::Tensor dot = ((steps->mixed - x) * (wide - x)).sum(1, true);
    read.cosine = ToHost(dot /
                         (deep_norm.clamp_min(kSmallestNorm) * wide_norm.clamp_min(kSmallestNorm)));
  }
  pass.readouts->push_back(std::move(read));
}

}  // namespace braid::trainer
