// Models that are no Llama: config.json and tensors for braid's own modelling code
// (configuration_braid.py and modeling_braid.py, which go into the exported folder beside them).
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/spec.h"
#include "trainer/export/exported_tensor.h"

namespace braid::trainer {

Json BraidConfig(const model::ModelSpec& spec);
// Canonical names: `head.weight` as it is, all others behind `model.`.
std::vector<ExportedTensor> BraidTensors(const model::ModelSpec& spec);

// The two files as they stand in trainer/export/, built in, so that the program needs no other file
// to export.
std::string_view ConfigurationPython();
std::string_view ModelingPython();

}  // namespace braid::trainer
