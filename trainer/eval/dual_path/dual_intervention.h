// Interventions as an evaluate job names them, and what each does to a batch
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

struct NamedIntervention {
  std::string name;
  int64_t loops = 0;              // 0: as trained
  std::string gates = "learned";  // learned | deep | wide | uniform | open | shuffled | values
  double gate_deep = 0;           // of gates: deep .. open, or values
  double gate_wide = 0;
  std::vector<corpus::TokenClass> classes;  // gates are set on tokens of these classes alone;
                                            // empty: everywhere
  bool control = false;   // in each sequence on as many random tokens outside the classes instead
  bool keep_sum = false;  // the learned g_d + g_w is kept, so that the residual keeps its scale
  std::string step_feature = "rescaled";
  std::string shuffle = "independent";
  double early_exit = 0;        // of the mass that reaches a step, above 0 and at most 1; 0: none
  std::vector<int64_t> layers;  // blocks, or parallel layers, that it acts on; empty: all, large
                                // blocks too
  int64_t seed = 42;            // of shuffled gates and of the control

  bool sets_gates() const { return gates != "learned" && gates != "shuffled"; }
};

// One entry of `spec.dual.interventions` (docs/tasks.md).
Result<NamedIntervention> InterventionFromJson(const Json& json, const std::string& path);
// What was asked, without what is as usual.
Json ToJson(const NamedIntervention& named);

// Layers without such blocks, or an early exit from steps that have no mass, would change nothing:
// kInvalidArgument.
Status CheckFits(const NamedIntervention& named, const model::ModelSpec& spec);
// Parts of speech do not occur in text without tags, nor the coarse WORD and OTHER in text with
// them.
bool Concerns(const NamedIntervention& named, const DualText& text);

// What it does to a batch. A control takes in each sequence as many positions as the classes have
// there, drawn from (seed, number of the sequence in its text); all others, where there are fewer.
Intervention ToIntervention(const NamedIntervention& named, const DualText::Batch& batch);

}  // namespace braid::trainer
