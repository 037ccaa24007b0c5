#include "model/flops.h"

#include "model/tensors.h"

namespace braid::model {
namespace {

Flops operator*(double factor, const Flops& flops) {
  return {factor * flops.projections, factor * flops.scores};
}

void Add(const Flops& more, Flops* sum) {
  sum->projections += more.projections;
  sum->scores += more.scores;
}

// One pass of attention and feed-forward.
Flops PassFlops(double w, double ffn, const Arch& arch, int64_t sequence) {
  const double attention = (arch.attn_out_proj ? 4 : 3) * w * w;
  return {2 * (attention + 3 * w * ffn), 2 * static_cast<double>(sequence) * w};
}

// Products that belong to no block: connections, routers of the composite, its gate.
double ConnectionFlops(const ModelSpec& spec) {
  double flops = 0;
  for (const TensorSpec& tensor : Tensors(spec)) {
    const bool inside = tensor.name.find(".path.") != std::string::npos ||
                        tensor.name.starts_with("large.");
    if (inside || tensor.role != Role::kMatrix) continue;
    flops += 2 * static_cast<double>(tensor.elements());
  }
  return flops;
}

}  // namespace

Flops BlockFlops(const Stack& stack, const Arch& arch, int64_t sequence) {
  const auto w = static_cast<double>(stack.d);
  const Dual& dual = stack.dual;
  if (stack.block == "llama") return PassFlops(w, static_cast<double>(stack.ffn), arch, sequence);
  Flops flops;
  if (stack.has_deep()) {
    const auto K = static_cast<double>(dual.loops);
    Add(K * PassFlops(w, static_cast<double>(dual.ffn_deep), arch, sequence), &flops);
    if (dual.mix == "act") flops.projections += 2 * K * (w + 1);
  }
  if (stack.has_wide())
    Add(PassFlops(w, static_cast<double>(dual.ffn_wide), arch, sequence), &flops);
  if (stack.block == "dual_path") {
    if (dual.gate != "fixed") flops.projections += (dual.gate == "convex" ? 2 : 4) * w;
    if (dual.cross) flops.projections += 4 * w * w;
  }
  return flops;
}

Flops ForwardFlops(const ModelSpec& spec) {
  Flops flops{2.0 * static_cast<double>(spec.vocab) * static_cast<double>(spec.width()), 0};
  const auto add = [&](const Stack& stack) {
    Add(static_cast<double>(stack.blocks) * BlockFlops(stack, spec.arch, spec.sequence), &flops);
  };
  if (spec.kind == Kind::kDense) {
    add(spec.dense);
    return flops;
  }
  add(spec.large);
  for (const Stack& path : spec.paths) add(path);
  flops.projections += ConnectionFlops(spec);
  return flops;
}

double ForwardFlopsPerToken(const ModelSpec& spec) {
  return ForwardFlops(spec).full_square();
}

}  // namespace braid::model
