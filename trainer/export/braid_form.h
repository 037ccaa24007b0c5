// The exported form of models that cannot be expressed as a Llama: config.json and tensors for
// braid's own modelling code (configuration_braid.py and modeling_braid.py, which are written into
// the exported folder).
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/spec.h"
#include "spec/merge.h"
#include "trainer/export/exported_tensor.h"

namespace braid::trainer {

// The contents of config.json: the model spec, and the keys that transformers itself reads.
Json BraidConfig(const model::ModelSpec& spec, spec::ExportDtype dtype = spec::ExportDtype::kF32);
// The tensors of the exported file: `head.weight` under its own name, all others with `model.` in
// front, because transformers puts everything but the head into the inner model.
std::vector<ExportedTensor> BraidTensors(const model::ModelSpec& spec);

// The texts of the two Python files in trainer/export/, which are built into the program so that an
// export needs no other file.
std::string_view ConfigurationPython();
std::string_view ModelingPython();

}  // namespace braid::trainer
