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
#include "tests/word.h"

namespace braid::merge {

inline model::ModelSpec SmallPath(const std::string& name, int64_t d = 8, int64_t blocks = 2,
                                  int64_t heads = 2) {
  model::ModelSpec spec;
  spec.name = name;
  spec.vocab = 40;
  spec.pad_id = 39;
  spec.sequence = 16;
  spec.tokenizer = std::string(64, 'a');
  spec.dense = {name, d, heads, blocks, 4 * d};
  return spec;
}

inline model::ModelSpec SmallDual(const std::string& name) {
  model::ModelSpec spec = SmallPath(name, 12, 1);
  spec.dense.block = Word("dual_path");
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

inline std::vector<Parent> TwoParents() {
  return {ParentOf(SmallPath("one")), ParentOf(SmallPath("two"))};
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
  Json steps;         // of state.json, if not null
  bool muon = false;  // matrices of blocks have a momentum, all other tensors moments
  std::function<void(const std::string&, std::vector<float>&)> edit;  // changes values before they
                                                                      // are written
  std::string skip;                                                   // a tensor that is left out
};

// The states that the optimizer of `files` keeps of a tensor.
inline std::vector<std::string> StatesOf(const std::string& tensor, const ParentFiles& files) {
  if (!files.muon) return {"m", "v"};
  const bool block = tensor.starts_with("blocks.") || tensor.starts_with("large.") ||
                     tensor.find(".path.") != std::string::npos;
  const bool matrix = tensor.find(".attn.") != std::string::npos ||
                      tensor.find(".ffn.") != std::string::npos;
  return block && matrix ? std::vector<std::string>{"momentum"}
                         : std::vector<std::string>{"m", "v"};
}

// The tensors of `names` [name, shape] with values from the seed.
inline void WriteTensors(const std::string& path,
                         const std::vector<std::pair<std::string, std::vector<int64_t>>>& names,
                         const ParentFiles& files) {
  std::vector<storage::SafetensorsWriter::Tensor> tensors;
  for (const auto& [name, shape] : names) {
    if (name != files.skip) tensors.push_back({name, "F32", shape});
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
  std::vector<std::pair<std::string, std::vector<int64_t>>> weights, moments;
  Json states;
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    weights.emplace_back(tensor.name, tensor.shape);
    states[tensor.name] = StatesOf(tensor.name, files);
    for (const std::string& state : StatesOf(tensor.name, files))
      moments.emplace_back(state + "." + tensor.name, tensor.shape);
  }
  WriteTensors(folder + "/model.safetensors", weights, files);
  Json state = {{"format", 1}, {"step", files.step}, {"epoch", 0}, {"tokens", 0}, {"seed", 1}};
  if (!files.steps.is_null()) state["steps"] = files.steps;
  if (files.muon) state["states"] = states;
  (void)WriteJsonFile(folder + "/state.json", state);
  if (files.moments) WriteTensors(folder + "/optimizer.safetensors", moments, files);
}

}  // namespace braid::merge
