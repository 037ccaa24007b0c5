#include "recipe/parse/seed_model_section.h"

#include "base/text.h"
#include "recipe/parse/composite_section.h"
#include "recipe/parse/train_section.h"
#include "recipe/parse/yaml_source.h"
#include "spec/end_rate.h"
#include "spec/model.h"
#include "spec/precision.h"

namespace braid::recipe {
namespace {

// Its weights are those of each path before its first step.
void CheckShape(YamlMap& root, const Model& first, const Model& path, size_t index) {
  model::Stack other = path.spec.dense;
  other.name = first.spec.dense.name;
  if (other == first.spec.dense && path.spec.arch == first.spec.arch) return;
  root.FailAt("paths." + std::to_string(index) + ".name",
              "begins with the seed model, as " + first.name() +
                  " does, and has another shape; give both one shape (d, heads, blocks, block, "
                  "ffn, dual, arch), or give this path a start of its own");
}

// A path that continues begins at the rate at which the seed model ended.
void CheckRates(YamlMap& root, const Recipe& recipe) {
  const spec::Train& seed = recipe.seed_model->train;
  if (seed.lr_schedule == spec::LrSchedule::kContinue)
    return root.FailAt("seed_model.train.lr_schedule",
                       "continue is of trainings that begin with a model; give another one");
  if (spec::EndRate(seed).value_or(1) > 0) return;
  for (size_t i = 0; i < recipe.paths.size(); ++i) {
    const Model& path = recipe.paths[i];
    if (!path.from_seed_model || path.train.lr_schedule != spec::LrSchedule::kContinue) continue;
    root.FailAt("paths." + std::to_string(i) + ".train",
                "lr_schedule continue begins at the rate at which the seed model ended, and that "
                "is 0 (lr_schedule " +
                    NameOf(seed.lr_schedule) +
                    ", lr_min 0); give seed_model.train lr_schedule constant, or lr_min");
  }
}

// The states of one optimizer are of no use to another kind.
void CheckOptimizers(YamlMap& root, const Recipe& recipe) {
  const spec::OptimizerKind kind = recipe.seed_model->train.optimizer.kind;
  for (size_t i = 0; i < recipe.paths.size(); ++i) {
    const Model& path = recipe.paths[i];
    if (!path.from_seed_model || path.start_moments == spec::StartMoments::kLeave ||
        path.train.optimizer.kind == kind)
      continue;
    root.FailAt("paths." + std::to_string(i) + ".train",
                std::string("optimizer.kind ") + NameOf(path.train.optimizer.kind) +
                    " cannot go on with the seed model's state of " + NameOf(kind) +
                    "; give both one kind, or seed_model.moments: reset");
  }
}

}  // namespace

bool BeginsWithSeedModel(const Recipe& recipe, const Model& path) {
  return recipe.split.seed_model > 0 && path.from.empty() && path.start.empty() &&
         path.continued.empty();
}

void ReadSeedModel(YamlMap& root, Recipe* recipe) {
  const YAML::Node node = root.Node(kSeedModel);
  if (recipe->split.seed_model == 0) {
    // Written as 0 it is switched off, as in one variant of a sweep.
    if (node.IsDefined() && !root.HasAt("split.seed_model")) {
      root.Fail(kSeedModel,
                "has no text to be trained on; give split.seed_model, its part, such as 0.1");
    }
    return;
  }
  Model seed;
  seed.train = recipe->train;
  YamlMap map(node, kSeedModel, root.errors());
  root.errors().set_inherited(true);
  ReadTrainSection(map.Node("train"), map.PathOf("train"), root.errors(), &seed.train);
  root.errors().set_inherited(false);
  spec::RecipeSeedModel settings;
  ReadFields(map, &settings);
  seed.slots = settings.slots;
  seed.device = settings.device;
  const std::string why = spec::WhyNotOn(seed.device, seed.train.precision);
  if (!why.empty()) map.Fail("train", why);
  for (const Corpus& corpus : recipe->corpora) seed.corpora.push_back(corpus.name);
  const Model* first = nullptr;
  for (size_t i = 0; i < recipe->paths.size(); ++i) {
    Model& path = recipe->paths[i];
    if (!path.continued.empty()) {
      root.FailAt("paths." + std::to_string(i) + ".continue",
                  "with split.seed_model nobody could say how many tokens are behind the "
                  "checkpoint, as those of its own seed model would be missing; train the path "
                  "anew, or leave split.seed_model out");
    }
    path.from_seed_model = BeginsWithSeedModel(*recipe, path);
    if (!path.from_seed_model) continue;
    if (settings.moments == spec::GroupMoments::kReset)
      path.start_moments = spec::StartMoments::kLeave;
    if (first == nullptr) {
      first = &path;
    } else {
      CheckShape(root, *first, path, i);
    }
  }
  if (first == nullptr)
    return root.FailAt("split.seed_model",
                       "no path begins with the seed model: each has from or start");
  seed.line = first->line;
  seed.spec = first->spec;
  seed.spec.name = seed.spec.dense.name = kSeedModel;
  recipe->seed_model = std::move(seed);
  CheckRates(root, *recipe);
  CheckOptimizers(root, *recipe);
}

}  // namespace braid::recipe
