// Interventions as the spec of an evaluate job names them, and their effect on a batch
// (docs/papers/dual_path.md#s7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/token_class.h"
#include "model/spec.h"
#include "trainer/eval/dual_path/dual_text.h"
#include "trainer/network/intervention.h"

namespace braid::trainer {

// One change of a trained model at inference.
struct NamedIntervention {
  std::string name;
  // Number of loop steps; 0 for the trained number.
  int64_t loops = 0;
  // learned | deep | wide | uniform | open | shuffled | values
  std::string gates = "learned";
  // The values of the two gates, if `gates` sets them (sets_gates).
  double gate_deep = 0;
  double gate_wide = 0;
  // The gates are set only on tokens of these classes; empty for all tokens.
  std::vector<corpus::TokenClass> classes;
  // The gates are set instead on as many random tokens outside of the classes, in each sequence.
  // This is the control experiment for the effect of the classes.
  bool control = false;
  // Scales the gates so that the learned sum g_d + g_w stays, and with it the scale of the residual
  // stream.
  bool keep_sum = false;
  // With fewer loop steps: rescaled | trained, the feature t_k of the step router.
  std::string step_feature = "rescaled";
  // independent | joint: whether the two gates are permuted by themselves or together.
  std::string shuffle = "independent";
  // A token stops at the first step that at most this mass reaches; above 0 and at most 1, or 0 for
  // no early exit.
  double early_exit = 0;
  // Indices of the blocks, or of a composite's parallel layers, that are changed; empty for all,
  // large blocks included.
  std::vector<int64_t> layers;
  // Of shuffled gates and of the control's positions.
  int64_t seed = 42;

  bool sets_gates() const { return gates != "learned" && gates != "shuffled"; }
};

// Reads one entry of `spec.dual.interventions` (docs/tasks.md). Errors name the field, with `path`
// in front.
Result<NamedIntervention> InterventionFromJson(const Json& json, const std::string& path);
// The fields that differ from their defaults.
Json ToJson(const NamedIntervention& named);

// kInvalidArgument if the intervention would change nothing in this model: its layers have no
// dual-path blocks, or it asks for an early exit from steps without a mass.
Status CheckFits(const NamedIntervention& named, const model::ModelSpec& spec);
// Whether the text can have the intervention's classes: parts of speech occur only in tagged text,
// and the coarse classes WORD and OTHER only in text without tags.
bool Concerns(const NamedIntervention& named, const DualText& text);

// The intervention for one batch. A control selects, in each sequence, as many positions as the
// classes have there (all others, if there are fewer), drawn from (seed, number of the sequence in
// its text).
Intervention ToIntervention(const NamedIntervention& named, const DualText::Batch& batch);

}  // namespace braid::trainer
