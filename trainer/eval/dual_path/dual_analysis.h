// The part `dual` of an evaluation: what the two paths of dual-path blocks contribute, and how the
// loss changes under interventions (docs/papers/dual_path.md#s6, #s7).
#pragma once

#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "spec/evaluate/dual_path.h"
#include "trainer/eval/dual_path/dual_intervention.h"
#include "trainer/eval/dual_path/dual_text.h"
#include "trainer/eval/once.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// kInvalidArgument if the model has no block with two paths or loops, if an intervention would
// change nothing in it, or if no text has the classes of one.
Status CheckDual(const model::ModelSpec& spec, const spec::DualPathSettings& analysis,
                 const std::vector<DualText>& texts);

// {"layers": rows, "readouts": {text: {class: rows}}, "interventions": [{name, ..., "loss": {text},
// "change": {text}}]} where a row has the place of a block and the means of its read-outs over
// tokens, and `tokens`. Losses are nats a token; `change` is against the model as it is. An
// intervention of classes is measured on the texts that have them. Pieces are the losses of each
// intervention on each text.
Result<Json> AnalyseDual(Network& network, const spec::DualPathSettings& analysis,
                         const std::vector<DualText>& texts, const Once& once);

}  // namespace braid::trainer
