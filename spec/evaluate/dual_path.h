// `dual` of an evaluation: read-outs of blocks that loop, and the loss when something in them is
// forced (docs/papers/dual_path.md#s6, #s7).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/schema.h"
#include "spec/evaluate/token_class.h"

namespace braid::spec {

enum class StepFeature { kRescaled, kTrained };
enum class GateRule { kLearned, kDeep, kWide, kUniform, kOpen, kShuffled };
enum class GateShuffle { kIndependent, kJoint };
const schema::Words& WordsOf(StepFeature);
const schema::Words& WordsOf(GateRule);
const schema::Words& WordsOf(GateShuffle);

// One change of a model while it is measured. What is absent is as the model has learned it.
struct NamedIntervention {
  std::string name;
  std::optional<int64_t> loops;  // so many steps instead of the model's
  std::optional<StepFeature> step_feature;
  std::optional<GateRule> gates;
  std::optional<std::array<double, 2>> gate_values;  // instead of a rule: g_d and g_w, 0 to 1
  std::optional<GateShuffle> shuffle;
  std::vector<TokenClass> classes;  // gates are set on their tokens alone; empty: everywhere
  std::optional<double> early_exit;
  std::vector<int64_t> layers;  // blocks, or parallel layers, that it acts on; empty: all
  std::optional<uint64_t> seed;
  bool control = false;   // on as many random tokens outside the classes instead
  bool keep_sum = false;  // the learned g_d + g_w is kept, so that the residual keeps its scale

  static const schema::Schema& Fields();

  bool shuffles_gates() const { return gates == GateRule::kShuffled; }
  // Whether both gates get values, by a rule or as numbers.
  bool sets_gates() const;
  // Those values, g_d and g_w; 0 if none are set.
  std::pair<double, double> set_gates() const;
  // Whether gates are anything but learned.
  bool changes_gates() const { return sets_gates() || shuffles_gates(); }
};

// Of a task. `tagged` are files of its input `tagged`.
struct DualPathSettings {
  int64_t sequences = 8;  // of each corpus, and of each tagged text
  std::vector<std::string> tagged;
  std::vector<NamedIntervention> interventions;

  static const schema::Schema& Fields();
};

// Of a recipe. `tagged` are files beside it.
struct RecipeDualPath : DualPathSettings {
  bool published = false;  // the interventions of the paper's table, for each model's own loops

  static const schema::Schema& Fields();
};

// The interventions of section 7 for a model that loops `loops` times; those of parts of speech
// only with tagged text.
std::vector<NamedIntervention> PublishedInterventions(int64_t loops, bool tagged);

}  // namespace braid::spec
