// The part `dual` of an evaluation: what the two paths of dual-path blocks contribute, and how the
// loss changes under interventions (docs/papers/dual_path.md#s6, #s7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "trainer/eval/dual_path/dual_intervention.h"
#include "trainer/eval/dual_path/dual_text.h"
#include "trainer/eval/once.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// The settings (docs/tasks.md, `evaluate`, `dual`).
struct DualAnalysis {
  // Sequences that are read of each corpus's held-out text, and of each tagged text.
  int64_t sequences = 8;
  // Files of the input `tagged`.
  std::vector<std::string> tagged;
  std::vector<NamedIntervention> interventions;
};

// Errors name the field, with `path` in front.
Result<DualAnalysis> DualAnalysisFromJson(const Json& json, const std::string& path);

// kInvalidArgument if the model has no block with two paths or with loops, if an intervention would
// change nothing in it, or if no text has the token classes of an intervention.
Status CheckDual(const model::ModelSpec& spec, const DualAnalysis& analysis,
                 const std::vector<DualText>& texts);

// Measures, and returns {"layers": rows, "readouts": {text: {class: rows}}, "interventions":
// [{name, ..., "loss": {text}, "change": {text}}]}. A row has the place of a block, its number of
// `tokens`, and the means of its read-outs over them. Losses are in nats per token; `change` is the
// difference to the unchanged model. An intervention on classes is measured on the texts that have
// them. The loss under each intervention on each text is a piece of `once`.
Result<Json> AnalyseDual(Network& network, const DualAnalysis& analysis,
                         const std::vector<DualText>& texts, const Once& once);

}  // namespace braid::trainer
