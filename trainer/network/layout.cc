#include "trainer/network/layout.h"

namespace braid::trainer {
namespace {

// In elements: 256 bytes, a multiple of cache lines, of vectors, and of what GPUs fetch at once.
constexpr int64_t kAlignment = 64;

bool ContinuesPrevious(const std::string& name) {
  return name.ends_with(".attn.k.weight") || name.ends_with(".attn.v.weight") ||
         name.ends_with(".ffn.up.weight");
}

}  // namespace

Layout MakeLayout(const model::ModelSpec& spec) {
  Layout layout;
  const std::vector<model::TensorSpec> tensors = model::Tensors(spec);
  // The two groups of weight decay, each one range.
  for (const bool decays : {true, false}) {
    for (const model::TensorSpec& tensor : tensors) {
      if (tensor.decays() != decays) continue;
      if (!ContinuesPrevious(tensor.name))
        layout.size = (layout.size + kAlignment - 1) / kAlignment * kAlignment;
      layout.by_name[tensor.name] = layout.slots.size();
      layout.slots.push_back({tensor, layout.size});
      layout.size += tensor.elements();
    }
    layout.size = (layout.size + kAlignment - 1) / kAlignment * kAlignment;
    if (decays) layout.decayed = layout.size;
  }
  return layout;
}

}  // namespace braid::trainer
