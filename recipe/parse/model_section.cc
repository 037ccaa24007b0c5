#include "recipe/parse/model_section.h"

#include <set>

#include "recipe/parse/arch_section.h"
#include "recipe/parse/composite_section.h"
#include "recipe/parse/seed_model_section.h"
#include "recipe/parse/stack_section.h"
#include "recipe/parse/train_section.h"
#include "recipe/parse/yaml_source.h"
#include "spec/model.h"
#include "spec/precision.h"

namespace braid::recipe {
namespace {

// What paths and baselines have in common, their blocks apart.
Model ReadCommon(YamlMap& map, const YAML::Node& node, const Recipe& recipe) {
  Model made;
  made.line = node.Mark().line + 1;
  made.spec = BlankSpec(recipe, map.RequireString("name"));
  CheckName(map, "name", made.name());
  made.train = recipe.train;
  map.errors().set_inherited(true);
  ReadTrainSection(map.Node("train"), map.PathOf("train"), map.errors(), &made.train);
  map.errors().set_inherited(false);
  ReadModelArch(map, !map.Has("paths"), recipe.sequence, &made.spec.arch);
  spec::RecipeTraining training;
  ReadFields(map, &training);
  made.start = training.start;
  made.start_moments = training.start_moments;
  made.continued = training.continued;
  made.slots = training.slots;
  made.device = training.device;
  const std::string why = spec::WhyNotOn(made.device, made.train.precision);
  if (!why.empty()) map.Fail("train", why);
  return made;
}

// Nothing is continued where nothing has been. A path that was trained before is not trained here.
void CheckItContinues(YamlMap& map, const Model& made, bool begins_with_seed_model) {
  if (made.train.lr_schedule != spec::LrSchedule::kContinue || begins_with_seed_model ||
      !made.start.empty() || !made.from.empty())
    return;
  if (!made.continued.empty()) {
    if (made.train.warmup_steps > 0) {
      map.Fail("train",
               "lr_schedule continue keeps the rate of the training that goes on, which needs no "
               "warm-up; set warmup_steps: 0");
    }
    return;
  }
  map.Fail("train",
           "lr_schedule continue begins at the rate at which the training of start ended; give "
           "start or continue, or another lr_schedule");
}

// The shapes of the paths of a composite from scratch, which are no models of their own.
void ReadShapes(YamlMap& map, model::ModelSpec* spec) {
  const std::vector<YAML::Node> nodes = map.List("paths");
  std::set<std::string> seen;
  for (size_t i = 0; i < nodes.size(); ++i) {
    YamlMap shape(nodes[i], map.PathOf("paths") + "." + std::to_string(i), map.errors());
    model::Stack stack;
    stack.name = shape.String("name", "path_" + std::to_string(i + 1));
    CheckName(shape, "name", stack.name);
    if (!seen.insert(stack.name).second) shape.Fail("name", "\"" + stack.name + "\" appears twice");
    ReadStack(shape, spec->sequence, &stack);
    spec->paths.push_back(std::move(stack));
  }
  if (spec->paths.size() < 2) map.Fail("paths", "a composite needs at least two paths");
}

}  // namespace

Model ReadPath(const YAML::Node& node, const std::string& where, const Recipe& recipe,
               YamlErrors& errors) {
  YamlMap map(node, where, errors);
  Model made = ReadCommon(map, node, recipe);
  made.spec.dense.name = made.name();
  ReadStack(map, recipe.sequence, &made.spec.dense);
  made.from = map.String("from", "");
  if (!made.from.empty() && !made.start.empty())
    map.Fail("start", "from is trained already and begins nothing; give one of the two");
  if (!made.from.empty() && !made.continued.empty())
    map.Fail("continue", "from is trained already and is not trained on; give one of the two");
  made.corpora = {ReadCorpusName(map, recipe)};
  CheckItContinues(map, made, BeginsWithSeedModel(recipe, made));
  map.NotYet("attn", "another attention");
  return made;
}

Model ReadBaseline(const YAML::Node& node, const std::string& where, const Recipe& recipe,
                   YamlErrors& errors) {
  YamlMap map(node, where, errors);
  Model made = ReadCommon(map, node, recipe);
  for (const Corpus& corpus : recipe.corpora) made.corpora.push_back(corpus.name);
  CheckItContinues(map, made, /*begins_with_seed_model=*/false);
  if (map.Has("paths")) {
    ReadShapes(map, &made.spec);
    ReadConnections(map, model::Connection().init, &made.spec);  // from scratch there is nothing to
                                                                 // hand on
  } else {
    (void)map.Node("paths");
    made.spec.dense.name = made.name();
    ReadStack(map, recipe.sequence, &made.spec.dense);
  }
  return made;
}

}  // namespace braid::recipe
