#include "model/flops.h"

#include "model/tensors.h"

namespace braid::model {
namespace {

// Products that belong to no block: connections, routers of the composite, its gate.
double ConnectionFlops(const ModelSpec& spec) {
  double flops = 0;
  for (const TensorSpec& tensor : Tensors(spec)) {
    // Blocks count themselves (BlockFlops), because a deep path runs its weights several times.
    const bool inside = tensor.name.find(".path.") != std::string::npos ||
                        tensor.name.starts_with("large.");
    if (inside || tensor.role != Role::kMatrix) continue;
    flops += 2 * static_cast<double>(tensor.elements());
  }
  return flops;
}

}  // namespace

Flops BlockFlops(const Stack& stack, const Arch& arch, int64_t sequence) {
  return stack.block->flops(stack, arch, sequence);
}

Flops ForwardFlops(const ModelSpec& spec) {
  // The head; the embedding is a look-up and costs nothing.
  Flops flops{2.0 * static_cast<double>(spec.vocab) * static_cast<double>(spec.width()), 0};
  const auto add = [&](const Stack& stack) {
    flops += static_cast<double>(stack.blocks) * BlockFlops(stack, spec.arch, spec.sequence);
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
