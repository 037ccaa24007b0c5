#include "recipe/graph/pretrained.h"

#include <algorithm>

#include "recipe/graph/train_task.h"
#include "recipe/source.h"

namespace braid::recipe {
namespace {

using model::CheckpointRequirement;

// Whether a composite takes over the optimizer's state of this path.
bool CarriesMomentsOf(const Recipe& recipe, const std::string& path) {
  return std::any_of(
      recipe.composites.begin(), recipe.composites.end(), [&](const Composite& composite) {
        return composite.joint.carries() &&
               std::any_of(composite.members.begin(), composite.members.end(),
                           [&](const Member& member) { return member.path == path; });
      });
}

// Adds the checkpoints of one model of the recipe. `moments`: whether a merge carries the
// optimizer's state of `from`. That of `start` is required only if the recipe says so.
void AddModel(const Recipe& recipe, const Model& made, bool moments,
              std::vector<CheckpointRequirement>* all) {
  const CheckpointRequirement::As as = made.spec.kind == model::Kind::kDense
                                           ? CheckpointRequirement::As::kPath
                                           : CheckpointRequirement::As::kWhole;
  if (!made.from.empty())
    all->push_back({SourceName(SourceKind::kFrom, made.name()),
                    made.from,
                    made.line,
                    as,
                    made.spec,
                    {},
                    0,
                    moments});
  if (!made.start.empty())
    all->push_back({SourceName(SourceKind::kStart, made.name()),
                    made.start,
                    made.line,
                    as,
                    made.spec,
                    {},
                    0,
                    made.start_moments == spec::StartMoments::kTake});
  if (!made.continued.empty())
    all->push_back({SourceName(SourceKind::kContinue, made.name()),
                    made.continued,
                    made.line,
                    as,
                    made.spec,
                    {},
                    0,
                    true,
                    TrainTaskOf(recipe, made)});
}

std::vector<CheckpointRequirement> RequirementsOf(const Recipe& recipe) {
  std::vector<CheckpointRequirement> all;
  for (const Model& path : recipe.paths)
    AddModel(recipe, path, CarriesMomentsOf(recipe, path.name()), &all);
  for (const Model& baseline : recipe.baselines) AddModel(recipe, baseline, false, &all);
  for (const Composite& composite : recipe.composites) {
    if (composite.base.empty()) continue;
    CheckpointRequirement base{SourceName(SourceKind::kBase, composite.name()),
                               composite.base,
                               composite.line,
                               CheckpointRequirement::As::kBase,
                               composite.spec,
                               {},
                               0,
                               composite.joint.carries()};
    for (const Member& member : composite.members) {
      // Paths that replace one of the base, or are new, are not asked of it.
      if (!member.kept) base.paths.push_back(recipe.FindPath(member.path)->spec);
    }
    all.push_back(std::move(base));
  }
  const int64_t entries = recipe.tokenizer_vocab > 0 ? recipe.tokenizer_vocab
                                                     : recipe.tokenizer_entries;
  // The tokenizer's entries, and the pad token behind them.
  for (CheckpointRequirement& one : all) one.vocab = entries > 0 ? entries + 1 : 0;
  return all;
}

// Whether two ask the same of one checkpoint.
bool AreAlike(const CheckpointRequirement& a, const CheckpointRequirement& b) {
  const auto shapes = [](const CheckpointRequirement& one) {
    Json all = Json::array({model::ToJson(one.spec)});
    for (const model::ModelSpec& path : one.paths) all.push_back(model::ToJson(path));
    return all;
  };
  return a.source == b.source && a.checkpoint == b.checkpoint && a.moments == b.moments &&
         a.training == b.training && shapes(a) == shapes(b);
}

}  // namespace

std::vector<CheckpointRequirement> CheckpointRequirements(const Recipe& recipe) {
  std::vector<CheckpointRequirement> all;
  for (const Recipe* trained : recipe.Trained()) {
    for (CheckpointRequirement& one : RequirementsOf(*trained)) {
      const bool there = std::any_of(
          all.begin(), all.end(),
          [&](const CheckpointRequirement& other) { return AreAlike(one, other); });
      if (!there) all.push_back(std::move(one));
    }
  }
  return all;
}

}  // namespace braid::recipe
