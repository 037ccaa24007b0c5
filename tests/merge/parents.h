// Small parents and bases for merges: checkpoint folders with weights, and moments if asked for,
// from a seed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "merge/parent.h"
#include "model/tensors.h"
#include "storage/files/safetensors.h"

namespace braid::merge {

inline model::ModelSpec SmallPath(const std::string& name, int64_t d = 8, int64_t blocks = 2,
                                  int64_t heads = 2) {
  model::ModelSpec spec;
  spec.name = name;
  spec.vocab = 40;
  spec.pad_id = 39;
  spec.sequence = 16;
  spec.tokenizer = std::string(64, 'a');
  spec.dense = {name, d, heads, blocks, 4 * d, "llama"};
  return spec;
}

inline model::ModelSpec SmallDual(const std::string& name) {
  model::ModelSpec spec = SmallPath(name, 12, 1);
  spec.dense.block = "dual_path";
  spec.dense.ffn = 0;
  spec.dense.dual.loops = 3;
  spec.dense.dual.ffn_deep = 10;
  spec.dense.dual.ffn_wide = 14;
  spec.dense.dual.qk_norm = true;
  spec.dense.dual.cross = true;
  return spec;
}

inline Parent ParentOf(const model::ModelSpec& spec) {
  Parent parent{spec.name, spec, {}};
  for (const model::TensorSpec& tensor : model::Tensors(spec))
    parent.tensors.push_back({tensor.name, "F32", tensor.shape});
  return parent;
}

// Values unlike any initial ones: as if they had been trained.
inline std::vector<float> TrainedValues(const std::string& tensor, int64_t elements,
                                        uint64_t seed) {
  const RandomStream stream(seed, "trained." + tensor);
  std::vector<float> values(static_cast<size_t>(elements));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = stream.Normal(i);
    if (tensor.starts_with("v.")) values[i] *= values[i];
  }
  return values;
}

struct ParentFiles {
  uint64_t seed = 1;
  bool moments = false;
  int64_t step = 7;
  Json steps;                                                         // of state.json, if not null
  std::function<void(const std::string&, std::vector<float>&)> edit;  // changes values before they
                                                                      // are written
  std::string skip;                                                   // a tensor that is left out
};

inline void WriteTensors(const std::string& path, const model::ModelSpec& spec,
                         const std::vector<std::string>& prefixes, const ParentFiles& files) {
  std::vector<storage::SafetensorsWriter::Tensor> tensors;
  for (const std::string& prefix : prefixes) {
    for (const model::TensorSpec& tensor : model::Tensors(spec)) {
      if (prefix + tensor.name != files.skip)
        tensors.push_back({prefix + tensor.name, "F32", tensor.shape});
    }
  }
  auto writer = storage::SafetensorsWriter::Create(path, tensors).value();
  for (const storage::SafetensorsWriter::Tensor& tensor : tensors) {
    int64_t elements = 1;
    for (const int64_t extent : tensor.shape) elements *= extent;
    std::vector<float> values = TrainedValues(tensor.name, elements, files.seed);
    if (files.edit) files.edit(tensor.name, values);
    (void)writer->Append(tensor.name, values.data(), values.size() * sizeof(float));
  }
  (void)writer->Finish();
}

inline void WriteParent(const std::string& folder, const model::ModelSpec& spec,
                        const ParentFiles& files = {}) {
  (void)MakeFolder(folder);
  (void)WriteJsonFile(folder + "/config.json", {{"format", 1}, {"model", model::ToJson(spec)}});
  WriteTensors(folder + "/model.safetensors", spec, {""}, files);
  Json state = {{"format", 1}, {"step", files.step}, {"epoch", 0}, {"tokens", 0}, {"seed", 1}};
  if (!files.steps.is_null()) state["steps"] = files.steps;
  (void)WriteJsonFile(folder + "/state.json", state);
  if (files.moments) WriteTensors(folder + "/optimizer.safetensors", spec, {"m.", "v."}, files);
}

}  // namespace braid::merge
