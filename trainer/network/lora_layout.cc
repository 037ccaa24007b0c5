#include "trainer/network/lora_layout.h"

#include <algorithm>

#include "base/status.h"
#include "model/tensors.h"

namespace braid::trainer {

const LoraLayout::Slot& LoraLayout::at(const std::string& name) const {
  const auto found = std::find_if(slots.begin(), slots.end(),
                                  [&](const Slot& slot) { return slot.name == name; });
  BRAID_CHECK(found != slots.end());
  return *found;
}

LoraLayout MakeLoraLayout(const model::ModelSpec& spec, const LoraConfig& config) {
  LoraLayout layout;
  const auto add = [&](const std::string& name, int64_t rows, int64_t columns) {
    layout.slots.push_back({name, {rows, columns}, layout.size});
    layout.size += rows * columns;
  };
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    if (!tensor.name.ends_with(".attn.q.weight") && !tensor.name.ends_with(".attn.v.weight"))
      continue;
    const std::string place = tensor.name.substr(0, tensor.name.rfind('.'));
    add(place + ".lora_a.weight", config.rank, tensor.shape[1]);
    add(place + ".lora_b.weight", tensor.shape[0], config.rank);
  }
  layout.adapters = layout.size;
  add("classifier.weight", config.outputs, spec.width());
  return layout;
}

}  // namespace braid::trainer
