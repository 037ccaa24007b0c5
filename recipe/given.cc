#include "recipe/given.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "merge/composite.h"

namespace braid::recipe {
namespace {

bool CarriesMomentsOf(const Recipe& recipe, const std::string& path) {
  return std::any_of(recipe.composites.begin(), recipe.composites.end(), [&](const Composite& composite) {
    return composite.joint.carry_optimizer && std::any_of(composite.members.begin(), composite.members.end(),
                                                          [&](const Member& member) { return member.path == path; });
  });
}

const Model* ModelNamed(const Recipe& recipe, const std::string& name) {
  if (const Model* path = recipe.FindPath(name)) return path;
  const auto found = std::find_if(recipe.baselines.begin(), recipe.baselines.end(), [&](const Model& model) { return model.name() == name; });
  return found == recipe.baselines.end() ? nullptr : &*found;
}

const Composite& CompositeNamed(const Recipe& recipe, const std::string& name) {
  return *std::find_if(recipe.composites.begin(), recipe.composites.end(), [&](const Composite& one) { return one.name() == name; });
}

// What only the tokenizer decides is not in the recipe yet: as the given checkpoint has it.
model::ModelSpec Filled(model::ModelSpec spec, const model::ModelSpec& given) {
  spec.vocab = given.vocab;
  spec.pad_id = given.pad_id;
  spec.eos_id = given.eos_id;
  spec.tokenizer = given.tokenizer;
  return spec;
}

// The paths of the recipe that go into a base are there in name and shape alone: some are not trained yet.
Status CheckBase(const Recipe& recipe, const Composite& composite, const merge::Parent& base) {
  std::vector<merge::Parent> parents;
  for (const Member& member : composite.members) {
    if (member.kept) continue;
    merge::Parent parent;
    parent.name = member.path;
    parent.spec = Filled(recipe.FindPath(member.path)->spec, base.spec);
    parents.push_back(std::move(parent));
  }
  BRAID_RETURN_IF_ERROR(merge::CheckComposite(parents, base, Filled(composite.spec, base.spec)));
  return merge::CheckTensors(base);
}

Status CheckOne(const Recipe& recipe, const Given& given, const merge::Parent& parent, const std::string& tokenizer) {
  if (!tokenizer.empty() && parent.spec.tokenizer != tokenizer) {
    return merge::Incompatible("it was trained with tokenizer " + parent.spec.tokenizer.substr(0, 12) + ", the recipe's is " + tokenizer.substr(0, 12) +
                               "; give the tokenizer.file that it was trained with");
  }
  if (recipe.tokenizer_vocab > 0 && parent.spec.vocab != recipe.tokenizer_vocab + 1) {
    return merge::Incompatible(Format("%s has %lld rows of vocabulary, and the tokenizer that the recipe trains would give %lld; give the "
                                      "tokenizer.file that it was trained with",
                                      parent.name.c_str(), (long long)parent.spec.vocab, (long long)recipe.tokenizer_vocab + 1));
  }
  if (given.source.starts_with("base.")) return CheckBase(recipe, CompositeNamed(recipe, given.model()), parent);
  const Model& model = *ModelNamed(recipe, given.model());
  if (model.spec.kind == model::Kind::kDense) return merge::CheckPath(parent, model.spec.dense, model.spec.arch);
  return merge::CheckModel(parent, Filled(model.spec, parent.spec));
}

}  // namespace

std::vector<Given> GivenOf(const Recipe& recipe) {
  std::vector<Given> all;
  const auto add = [&](const char* kind, const std::string& name, const std::string& checkpoint, int line) {
    if (!checkpoint.empty()) all.push_back({std::string(kind) + "." + name, checkpoint, line});
  };
  for (const Model& path : recipe.paths) {
    add("from", path.name(), path.from, path.line);
    add("start", path.name(), path.start, path.line);
  }
  for (const Model& baseline : recipe.baselines) add("start", baseline.name(), baseline.start, baseline.line);
  for (const Composite& composite : recipe.composites) add("base", composite.name(), composite.base, composite.line);
  return all;
}

Status CheckGiven(const Recipe& recipe, const std::string& file, const std::string& tokenizer, const ReadGiven& read) {
  std::string known = tokenizer, known_from;
  for (const Given& given : GivenOf(recipe)) {
    const auto fail = [&](const Status& status) {
      return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE",
                    Format("%s:%d: ", file.c_str(), given.line) + given.checkpoint + ": " + status.message());
    };
    const bool moments = given.source.starts_with("from.") ? CarriesMomentsOf(recipe, given.model())
                                                           : given.source.starts_with("base.") && CompositeNamed(recipe, given.model()).joint.carry_optimizer;
    const Result<std::optional<merge::Parent>> parent = read(given, moments);
    if (!parent.ok()) return fail(parent.status());
    if (!parent->has_value()) continue;
    if (const Status status = CheckOne(recipe, given, **parent, tokenizer); !status.ok()) return fail(status);
    if (known.empty()) known = (*parent)->spec.tokenizer, known_from = given.checkpoint;
    if ((*parent)->spec.tokenizer == known) continue;
    return fail(merge::Incompatible("it was trained with tokenizer " + (*parent)->spec.tokenizer.substr(0, 12) + ", " + known_from + " with " +
                                    known.substr(0, 12) + "; the models of a run share one"));
  }
  return OkStatus();
}

}  // namespace braid::recipe
