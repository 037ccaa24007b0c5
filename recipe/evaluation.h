// The evaluations of a recipe, and the selection of those that apply to one model.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"
#include "recipe/source.h"
#include "spec/evaluate/evaluate.h"

namespace braid::recipe {

// Local files or folders that evaluations read; they become a source.
struct LocalData {
  std::vector<std::string> paths;
  int line = 0;          // of the recipe
  bool folders = false;  // `paths` are folders, taken whole
};

// What a recipe measures, with the local files that it needs.
struct Evaluation : spec::RecipeEvaluate {
  // By the kind of the source, whose word is also the role of the input of evaluations.
  std::map<SourceKind, LocalData> data;
};

// The evaluations that apply to one model: `routing` to composites that route or share, `dual` to
// models with looped blocks, the others to all. `path_corpora`: of each path of a composite, what
// it was trained on, or empty. `start`: the model is a composite before its joint training. The
// settings T8 and T1 of `loss` keep their defaults here.
spec::Measurements MeasurementsOf(const Evaluation& evaluation, const model::ModelSpec& spec,
                                  const std::vector<std::string>& path_corpora, bool start);

// `dual` for one model, with the interventions that change something in it; absent if it has no
// blocks that loop.
std::optional<spec::DualPathSettings> DualPathOf(const spec::RecipeDualPath& dual,
                                                 const model::ModelSpec& spec);

// Whether the model decides between paths, so that `routing` applies; and whether it has looped
// blocks, so that `dual` applies.
bool Routes(const model::ModelSpec& spec);
bool CanBeAnalysed(const model::ModelSpec& spec);

// Whether an intervention would change anything in a model: some kinds of blocks have no gates,
// early exit needs a halting mass, and some models have fewer layers than others.
bool AppliesTo(const spec::NamedIntervention& intervention, const model::ModelSpec& spec);

// Number, from 1, of the path that `path` names or numbers in a composite; 0 if it has none such.
int64_t PathNumber(const model::ModelSpec& composite, const std::string& path);

}  // namespace braid::recipe
