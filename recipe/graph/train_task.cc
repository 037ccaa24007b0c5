#include "recipe/graph/train_task.h"

#include "schema/schema.h"
#include "spec/train.h"
#include "task/artifact.h"

namespace braid::recipe {
namespace {

// The part of the text on which a path, the seed model or a baseline is trained.
spec::SplitPart PartOf(const Recipe& recipe, const std::string& name) {
  if (recipe.FindPath(name) != nullptr) return spec::SplitPart::kPaths;
  if (recipe.seed_model && recipe.seed_model->name() == name) return spec::SplitPart::kSeedModel;
  return spec::SplitPart::kAll;
}

}  // namespace

spec::Data DataOf(const Recipe& recipe, const std::vector<std::string>& corpora,
                  spec::SplitPart share) {
  spec::Data data;
  data.sequence = recipe.sequence;
  for (const std::string& corpus : corpora)
    data.sources.push_back({task::role::Data(corpus), share});
  data.split = recipe.split;
  data.seed = recipe.TrainingSeed();
  return data;
}

Json TrainTaskOf(const Recipe& recipe, const Model& made) {
  const spec::SplitPart part = PartOf(recipe, made.name());
  Json task = schema::ToJson(spec::TrainTask{.model = model::ToJson(made.spec),
                                             .data = DataOf(recipe, made.corpora, part),
                                             .seed = recipe.SeedOf(made.name()),
                                             .loss_average = recipe.eval.loss_average,
                                             .start_moments = made.start_moments});
  // It is trained as Train says. TrainTask has TaskTrain, whose further fields are of composites:
  // written from there they would be in the spec, too.
  task["train"] = schema::ToJson(made.train);
  return task;
}

std::string CautionOfGoingOn(const Model& made) {
  if (made.continued.empty()) return "";
  if (made.train.lr_schedule == spec::LrSchedule::kCosine) {
    return "continue with lr_schedule cosine: the rate is that of one cosine over the whole, "
           "longer training. Where it goes on, that is more than the rate at which a shorter "
           "cosine ended; lr_schedule continue begins at that, if it is not 0";
  }
  if (made.train.lr_schedule == spec::LrSchedule::kWsd && made.train.lr_decay_fraction > 0) {
    return "continue with lr_schedule wsd: the rate is optimizer.lr again up to the decay of the "
           "whole, longer training. That is a jump if the checkpoint is from within or behind the "
           "decay of the shorter one; give one from before it (checkpoint: {keep: all}), or "
           "lr_schedule continue";
  }
  return "";
}

}  // namespace braid::recipe
