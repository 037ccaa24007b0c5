// The `evaluate` task, and `evaluate` of a recipe. Each part stands in a header of its own; a new
// one is such a header and a line in each of the structs below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/evaluate/blimp.h"
#include "spec/evaluate/dual_path.h"
#include "spec/evaluate/generate.h"
#include "spec/evaluate/glue.h"
#include "spec/evaluate/loss.h"
#include "spec/evaluate/next_token.h"
#include "spec/evaluate/routing.h"

namespace braid::spec {

// The evaluations of one model. An absent part is not measured.
struct Measurements {
  std::optional<LossSettings> loss;
  std::optional<GenerateSettings> generate;
  std::optional<BlimpSettings> blimp;
  std::optional<GlueSettings> glue;
  std::optional<RoutingSettings> routing;
  std::optional<DualPathSettings> dual;
  std::optional<NextTokenSettings> next_token;

  // Whether anything is measured.
  bool any() const;

  static const schema::Schema& Fields();
};

// How often a job keeps what it has measured, in seconds.
struct EvaluateCheckpoint {
  int64_t seconds = 30;

  static const schema::Schema& Fields();
};

// The spec of an `evaluate` task.
struct EvaluateTask : Measurements {
  // Of the model, for the results.
  std::string name;
  // Tokens of a pass of the model over text.
  int64_t sequence = 256;
  EvaluateCheckpoint checkpoint;

  static const schema::Schema& Fields();
};

// `resources`: what each evaluation runs on: CPU cores, or one GPU.
struct EvaluateResources {
  int64_t slots = 1;
  Device device = Device::kCpu;

  static const schema::Schema& Fields();
};

// `evaluate` of a recipe: a list of mappings in which each part occurs at most once; the reader
// merges them. Each task gets the parts that apply to its model (recipe/evaluation.h).
struct RecipeEvaluate {
  std::optional<RecipeLoss> loss;
  std::optional<RecipeGenerate> generate;
  std::optional<RecipeNextToken> next_token;
  std::optional<RecipeBlimp> blimp;
  std::optional<RecipeGlue> glue;
  std::optional<RecipeSuperGlue> superglue;
  std::optional<RecipeRouting> routing;
  std::optional<RecipeDualPath> dual;
  EvaluateResources resources;

  // Whether anything is measured.
  bool any() const;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
