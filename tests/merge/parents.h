// Small parents for merges: checkpoint folders with weights from a seed.
#pragma once

#include <functional>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "model/tensors.h"
#include "storage/files/safetensors.h"

namespace braid::merge {

inline model::ModelSpec SmallPath(const std::string& name) {
  model::ModelSpec spec;
  spec.name = name;
  spec.vocab = 40;
  spec.pad_id = 39;
  spec.sequence = 16;
  spec.tokenizer = std::string(64, 'a');
  spec.dense = {name, 8, 2, 2, 32, "llama"};
  return spec;
}

// Writes a checkpoint folder; `edit` may change a tensor's values before they are written, `skip` leaves one out.
inline void WriteParent(const std::string& folder, const model::ModelSpec& spec, uint64_t seed,
                        const std::function<void(const std::string&, std::vector<float>&)>& edit = nullptr,
                        const std::string& skip = "") {
  (void)MakeFolder(folder);
  (void)WriteJsonFile(folder + "/config.json", {{"format", 1}, {"model", model::ToJson(spec)}});
  std::vector<storage::SafetensorsWriter::Tensor> tensors;
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    if (tensor.name != skip) tensors.push_back({tensor.name, "F32", tensor.shape});
  }
  auto writer = storage::SafetensorsWriter::Create(folder + "/model.safetensors", tensors).value();
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    if (tensor.name == skip) continue;
    std::vector<float> values(static_cast<size_t>(tensor.elements()));
    model::Initialize(tensor, seed, values.data());
    if (edit) edit(tensor.name, values);
    (void)writer->Append(tensor.name, values.data(), values.size() * 4);
  }
  (void)writer->Finish();
}

}  // namespace braid::merge
