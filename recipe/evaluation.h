// What a recipe measures of its models, and what of it applies to one of them.
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

// The parts that a model has: routing is of composites that route or share, dual of models that
// loop. `path_corpora`: of each path of a composite, what it was trained on, or empty. `start`: a
// composite before joint training. Averages and labels of losses are those of a recipe without
// settings.
spec::Measurements MeasurementsOf(const Evaluation& evaluation, const model::ModelSpec& spec,
                                  const std::vector<std::string>& path_corpora, bool start);

// `dual` for one model, with the interventions that change something in it; absent if it has no
// blocks that loop.
std::optional<spec::DualPathSettings> DualPathOf(const spec::RecipeDualPath& dual,
                                                 const model::ModelSpec& spec);

// Whether a model decides between paths, so that routing can be told, and whether it has blocks
// that `dual` is about.
bool Routes(const model::ModelSpec& spec);
bool CanBeAnalysed(const model::ModelSpec& spec);

// Whether an intervention would change anything in a model: a loop has no gates to set, an early
// exit is of steps that have a mass, some models have fewer layers than others.
bool AppliesTo(const spec::NamedIntervention& intervention, const model::ModelSpec& spec);

// Number, from 1, of the path that `path` names or numbers in a composite; 0 if it has none such.
int64_t PathNumber(const model::ModelSpec& composite, const std::string& path);

}  // namespace braid::recipe
