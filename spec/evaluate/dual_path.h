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

// The step feature (the position of a step, as an input of the router) when the number of steps is
// changed: rescaled to the new number, or as it was in training.
enum class StepFeature { kRescaled, kTrained };
// The gates (g_d, g_w) of the deep and the wide path: as learned, (1, 0), (0, 1), (1/2, 1/2),
// (1, 1), or those of other tokens of the sequence.
enum class GateRule { kLearned, kDeep, kWide, kUniform, kOpen, kShuffled };
// Whether the two gates are shuffled apart or as pairs.
enum class GateShuffle { kIndependent, kJoint };
const schema::Words& WordsOf(StepFeature);
const schema::Words& WordsOf(GateRule);
const schema::Words& WordsOf(GateShuffle);

// One change of a model while it is measured. What is absent is as the model has learned it.
struct NamedIntervention {
  std::string name;
  // The number of steps, instead of the model's.
  std::optional<int64_t> loops;
  std::optional<StepFeature> step_feature;
  // The gates, by a rule or as the numbers g_d and g_w, each from 0 to 1.
  std::optional<GateRule> gates;
  std::optional<std::array<double, 2>> gate_values;
  std::optional<GateShuffle> shuffle;
  // Gates are set on tokens of these classes alone; empty: on all.
  std::vector<TokenClass> classes;
  // A token stops at the first step at which the halting mass reaches this, above 0 and at most 1.
  std::optional<double> early_exit;
  // The blocks or parallel layers that it acts on; empty: all.
  std::vector<int64_t> layers;
  // The seed of shuffled gates and of `control`.
  std::optional<uint64_t> seed;
  // Gates are set on as many random tokens outside of `classes` instead.
  bool control = false;
  // Gates that are set are scaled to the learned sum g_d + g_w, so that the residual stream keeps
  // its scale.
  bool keep_sum = false;

  static const schema::Schema& Fields();

  // Whether each token gets the gates of another token of its sequence.
  bool shuffles_gates() const { return gates == GateRule::kShuffled; }
  // Whether both gates get values, by a rule or as numbers.
  bool sets_gates() const;
  // Those values, g_d and g_w; 0 if none are set.
  std::pair<double, double> set_gates() const;
  // Whether gates are anything but learned.
  bool changes_gates() const { return sets_gates() || shuffles_gates(); }
};

// `dual` of an `evaluate` task. `tagged` names files of its input `tagged`.
struct DualPathSettings {
  // Sequences that are read of each corpus and of each tagged text.
  int64_t sequences = 8;
  std::vector<std::string> tagged;
  std::vector<NamedIntervention> interventions;

  static const schema::Schema& Fields();
};

// `dual` of a recipe. `tagged` are paths relative to the recipe's folder.
struct RecipeDualPath : DualPathSettings {
  // The interventions of the paper's table, made for each model's own number of steps, instead of a
  // list.
  bool published = false;

  static const schema::Schema& Fields();
};

// The interventions of the paper's table (docs/papers/dual_path.md#s7) for a model with `loops`
// steps. Those that act on parts of speech are included only if there is tagged text.
std::vector<NamedIntervention> PublishedInterventions(int64_t loops, bool tagged);

}  // namespace braid::spec
