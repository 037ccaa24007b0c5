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

// What was asked, without what is as usual.
Json ToJson(const spec::NamedIntervention& named);

// Layers without such blocks, or an early exit from steps that have no mass, would change nothing:
// kInvalidArgument.
Status CheckFits(const spec::NamedIntervention& named, const model::ModelSpec& spec);
// Parts of speech do not occur in text without tags, nor the coarse WORD and OTHER in text with
// them.
bool Concerns(const spec::NamedIntervention& named, const DualText& text);

// What it does to a batch. A control takes in each sequence as many positions as the classes have
// there, drawn from (seed, number of the sequence in its text); all others, where there are fewer.
Intervention ToIntervention(const spec::NamedIntervention& named, const DualText::Batch& batch);

}  // namespace braid::trainer
