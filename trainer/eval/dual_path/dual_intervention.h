// Interventions as the spec of an evaluate job names them, and their effect on a batch
// (docs/papers/dual_path.md#s7).
#pragma once

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"
#include "spec/evaluate/dual_path.h"
#include "trainer/eval/dual_path/dual_text.h"
#include "trainer/network/intervention.h"

namespace braid::trainer {

// The intervention as JSON for the results; fields that have their defaults are left out.
Json ToJson(const spec::NamedIntervention& named);

// kInvalidArgument if the intervention would change nothing in this model: layers without such
// blocks, or an early exit where steps have no halting mass.
Status CheckFits(const spec::NamedIntervention& named, const model::ModelSpec& spec);
// Whether the text can have the intervention's classes of tokens: parts of speech do not occur in
// untagged text, nor the coarse WORD and OTHER in tagged text.
bool Concerns(const spec::NamedIntervention& named, const DualText& text);

// The intervention on one batch, with the positions that it acts on. A control acts in each
// sequence on as many other positions as the classes have there, drawn from (seed, number of the
// sequence in its text), or on all others if these are fewer.
Intervention ToIntervention(const spec::NamedIntervention& named, const DualText::Batch& batch);

}  // namespace braid::trainer
