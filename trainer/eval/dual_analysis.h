// The part `dual` of an evaluation: what the paths of dual-path blocks do, and what the loss becomes when they are
// interfered with (dual-path specification, sections 6 and 7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "corpus/token_class.h"
#include "trainer/network/intervention.h"
#include "trainer/network/network.h"

namespace braid::trainer {

struct NamedIntervention {
  std::string name;
  int64_t loops = 0;            // 0: as trained
  std::string gates = "learned";  // learned | deep | wide | uniform | open | shuffled
  std::string token_class;      // gates are set on tokens of this class alone (WORD, NUM, ...); empty: everywhere
  bool control = false;         // on as many random tokens outside the class instead
  bool keep_sum = false;        // the learned g_d + g_w is kept, so that the residual keeps its scale
  std::string step_feature = "rescaled";
  std::string shuffle = "independent";
  double early_exit = 0;        // of the mass that reaches a step, above 0 and at most 1; 0: none
  std::vector<int64_t> layers;  // blocks, or parallel layers, that it acts on; empty: all
  int64_t seed = 42;            // of shuffled gates and of the control
};

struct DualAnalysis {
  int64_t sequences = 8;  // of the text set aside, of each corpus
  std::vector<NamedIntervention> interventions;
};

// docs/tasks.md, `evaluate`, `dual`.
Result<DualAnalysis> DualAnalysisFromJson(const Json& json, const std::string& path);

// What one intervention does to a batch of `ids` ([batch * sequence]).
Intervention ToIntervention(const NamedIntervention& named, const std::vector<int32_t>& ids,
                            const std::vector<corpus::TokenClass>& classes);

// {"layers": rows, "readouts": {corpus: {class: rows}}, "interventions": [{name, ..., "loss": {corpus}, "change": {corpus}}]}
// where a row has the place of a block and the means of its read-outs over tokens, and `tokens`. Losses are nats a token;
// `change` is against the model as it is. kInvalidArgument if the model has no block with two paths or loops.
Result<Json> AnalyseDual(Network& network, const DualAnalysis& analysis, const std::vector<const corpus::Shards*>& shards,
                         int64_t sequence, const std::vector<corpus::TokenClass>& classes);

}  // namespace braid::trainer
