#include "recipe/parse/composite_section.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "model/fields.h"
#include "model/tensors.h"
#include "recipe/compat.h"
#include "recipe/parse/arch_section.h"
#include "recipe/parse/stack_section.h"
#include "recipe/parse/train_section.h"
#include "recipe/parse/yaml_source.h"
#include "spec/end_rate.h"
#include "spec/model.h"

namespace braid::recipe {
namespace {

// Settings that the kind of router does not use must not be given.
void CheckRouter(YamlMap& map, const model::RouterKind& router) {
  if (router.chooses && !router.has_hard && map.HasAt("router.hard"))
    map.FailAt("router.hard", std::string(router.name) + " takes one choice always");
  for (const char* key : {"router.input", "router.tau", "router.hard"}) {
    if (!router.chooses && map.HasAt(key)) {
      map.FailAt(key,
                 std::string("is of routers that choose; ") + router.name + " weighs all alike");
    }
  }
}

// Weights of the paths' logits stand in place of their mean or sum.
void CheckWeights(YamlMap& map, const std::vector<double>& weights, size_t paths) {
  if (!map.Has("weights")) return;
  if (weights.size() != paths)
    map.Fail("weights", Format("has %zu numbers for %zu paths", weights.size(), paths));
  if (map.Has("scale")) map.Fail("weights", "stands in the place of scale; give one of the two");
}

model::Connection ReadConnection(YamlMap& map, size_t paths, model::ConnectInit init) {
  model::Connection connection;
  // The preset decides how connections begin; what the recipe says comes after it.
  connection.init = init;
  ReadAmong(map, spec::RecipeConnectionFields(), &connection);
  if (connection.is_slice()) {
    connection.init = model::ConnectInit::kNormal;  // it has no such maps
    CheckWeights(map, connection.weights, paths);
  }
  if (connection.is_routed()) CheckRouter(map, *connection.router.kind);
  return connection;
}

// What all starts of the composite have in common; `starts` itself is read by whoever makes a
// composite of each.
void ReadStarts(YamlMap& map, Composite* composite) {
  spec::CompositeStarts starts;
  ReadFields(map, &starts);
  composite->probe = starts.probe;
  (void)map.Node("starts");
  if (starts.start != spec::CompositeStart::kAuto && map.Has("starts"))
    map.Fail("starts", "is of start: auto; give that too, or leave it out");
}

// A path that a composite names, or one of its base that stands here with its shape.
void ReadMember(const YAML::Node& node, const std::string& where, const Recipe& recipe,
                YamlMap& map, Composite* composite) {
  if (node.IsScalar()) {
    const Model* path = recipe.FindPath(node.Scalar());
    if (path == nullptr) {
      std::vector<std::string> names;
      for (const Model& known : recipe.paths) names.push_back(known.name());
      const std::string near = NearestWord(node.Scalar(), names);
      map.errors().Fail(node.Mark(), map.PathOf("paths") + ": there is no path \"" + node.Scalar() +
                                         "\"" +
                                         (near.empty() ? "" : "; did you mean " + near + "?"));
      return;
    }
    composite->members.push_back({path->name(), path->corpora.front(), false});
    composite->spec.paths.push_back(path->spec.dense);
    return;
  }
  YamlMap kept(node, where, map.errors());
  model::Stack stack;
  stack.name = kept.RequireString("name");
  CheckName(kept, "name", stack.name);
  ReadStack(kept, recipe.sequence, &stack);
  const std::string corpus = ReadCorpusName(kept, recipe);
  if (composite->base.empty()) {
    kept.Fail("name",
              "a path with a shape of its own is one that stays in a base; without base, name a "
              "path of the recipe");
  }
  composite->members.push_back({stack.name, corpus, true});
  composite->spec.paths.push_back(stack);
}

void ReadMembers(YamlMap& map, const Recipe& recipe, Composite* composite) {
  const std::vector<YAML::Node> nodes = map.List("paths");
  for (size_t i = 0; i < nodes.size(); ++i) {
    ReadMember(nodes[i], map.PathOf("paths") + "." + std::to_string(i), recipe, map, composite);
  }
  // A composite that names no paths has all of the recipe's.
  if (!map.Has("paths")) {
    for (const Model& path : recipe.paths) {
      composite->members.push_back({path.name(), path.corpora.front(), false});
      composite->spec.paths.push_back(path.spec.dense);
    }
  }
  std::set<std::string> seen;
  for (const model::Stack& path : composite->spec.paths) {
    if (!seen.insert(path.name).second) map.Fail("paths", "\"" + path.name + "\" appears twice");
  }
  if (composite->spec.paths.size() < 2) map.Fail("paths", "a composite needs at least two paths");
}

// A joint phase that continues needs parents whose rate did not end at nothing. What they were if
// they were trained before, only their checkpoints know.
void CheckParentsRates(YamlMap& map, const Recipe& recipe, const Composite& composite) {
  if (composite.joint.lr_schedule != spec::LrSchedule::kContinue) return;
  for (const Member& member : composite.members) {
    const Model* path = member.kept ? nullptr : recipe.FindPath(member.path);
    if (path == nullptr || !path->from.empty()) continue;
    const std::optional<double> rate = spec::EndRate(path->train);
    if (!rate) continue;
    if (*rate <= 0) {
      return map.Fail("joint",
                      Format("lr_schedule continue begins at the rate at which the parents ended, "
                             "and path %s ends at 0 (lr_schedule %s, lr_min 0); train the paths "
                             "with lr_schedule constant, or give them lr_min",
                             path->name().c_str(), NameOf(path->train.lr_schedule).c_str()));
    }
    for (const auto& [field, value] : {std::pair("lr_min", composite.joint.lr_min),
                                       std::pair("warmup_start", composite.joint.warmup_start)}) {
      if (value <= *rate) continue;
      return map.Fail("joint", Format("%s %g is above the rate %g at which path %s ends, and with "
                                      "which lr_schedule continue begins; lower it",
                                      field, value, *rate, path->name().c_str()));
    }
  }
}

// Groups that the composite names itself are of tensors that it has, and so is what `first` leaves
// to be trained. A group of the recipe's `joint` may be of another composite.
void CheckGroups(YamlMap& map, const Recipe& recipe, const Composite& composite) {
  if (!map.errors().ok()) return;
  model::ModelSpec spec = composite.spec;
  spec.vocab = 2;  // the tokenizer decides later
  const auto fail = [&](const std::string& field) {
    map.FailAt(field, "names no tensors of composite " + composite.name() + ", which has connect " +
                          NameOf(spec.connection.kind));
  };
  const std::vector<spec::TensorGroup>& groups = composite.joint.groups;
  for (size_t i = recipe.joint.groups.size(); i < groups.size(); ++i) {
    if (spec::HasTensors(groups[i].of, spec)) continue;
    fail("joint.groups." + std::to_string(i - recipe.joint.groups.size()) + ".of");
  }
  if (!composite.joint.first) return;
  const std::vector<spec::TensorPart>& only = composite.joint.first->only;
  if (!spec::HasTensors(only, spec)) return fail("joint.first.only");
  const std::vector<model::TensorSpec> all = model::Tensors(spec);
  const bool moves = std::any_of(all.begin(), all.end(), [&](const model::TensorSpec& tensor) {
    const bool frozen = composite.joint.freeze_paths != 0 &&
                        spec::PartOf(tensor.name, spec) == spec::TensorPart::kPaths;
    return !frozen && spec::IsOf(only, tensor.name, spec);
  });
  if (!moves) {
    map.FailAt("joint.first.only",
               "names blocks of the paths alone, which freeze_paths freezes, so that nothing would "
               "be trained; take one of the two out");
  }
}

// Where the recipe's `joint` says it, it may be of another composite, and of `start: auto` of
// another start.
void SettleMatch(YamlMap& map, Composite* composite) {
  if (!composite->joint.match_rms) return;
  const std::string why = model::WhyNoMatch(composite->spec, !composite->base.empty());
  if (why.empty()) return;
  const YAML::Node start = map.Node("start");
  const bool one = !start.IsDefined() || start.Scalar() != NameOf(spec::CompositeStart::kAuto);
  if (one && map.HasAt("joint.match_rms")) map.FailAt("joint.match_rms", why);
  composite->joint.match_rms = false;
}

// Who teaches is a parent: of a composite that takes all its paths from a base there is none.
void CheckTeachers(YamlMap& map, const Composite& composite) {
  const bool parents = std::any_of(composite.members.begin(), composite.members.end(),
                                   [](const Member& member) { return !member.kept; });
  if (parents || composite.joint.teaching() == nullptr) return;
  map.Fail("joint", "teachers: composite " + composite.name() +
                        " takes all its paths from its base, so that there is no parent to teach "
                        "it; give teachers: {weight: 0}, or a path of the recipe");
}

// Its blocks compute as those of its paths do, which must agree.
void TakeArchOfPaths(YamlMap& map, const Recipe& recipe, Composite* composite) {
  const Model* first = nullptr;
  for (const Member& member : composite->members) {
    const Model* path = member.kept ? nullptr : recipe.FindPath(member.path);
    if (path == nullptr) continue;
    if (first == nullptr) first = path;
    const auto differences = model::ArchDifferences(first->spec.arch, path->spec.arch);
    if (differences.empty()) continue;
    map.Fail("paths",
             first->name() + " and " + path->name() + " differ in arch." +
                 differences.front().field +
                 ", which decides what given weights compute; the paths of a composite must agree");
  }
  if (first == nullptr) return;
  composite->spec.arch = first->spec.arch;
  // These two say how the composite is trained, so they are the recipe's and not the paths'.
  composite->spec.arch.router_noise = recipe.arch.router_noise;
  composite->spec.arch.rope_max_pos = recipe.arch.rope_max_pos;
}

}  // namespace

model::ModelSpec BlankSpec(const Recipe& recipe, const std::string& name) {
  model::ModelSpec spec;
  spec.name = name;
  spec.sequence = recipe.sequence;
  spec.arch = recipe.arch;
  return spec;
}

void ReadConnections(YamlMap& map, model::ConnectInit init, model::ModelSpec* spec) {
  spec->kind = model::Kind::kComposite;
  spec->connection = ReadConnection(map, spec->paths.size(), init);
  spec->large = model::DefaultLarge(spec->paths);
  if (const std::string why = model::WhyNoRank(spec->connection, spec->large.d);
      map.Has("cross_rank") && spec->connection.cross && !why.empty())
    map.Fail("cross_rank", why);
  spec->large.identity = model::StartsFromPaths(spec->connection);
  YamlMap large(map.Node("large"), map.PathOf("large"), map.errors());
  // Who describes large blocks wants them.
  if (!map.Has("large")) spec->large.blocks = model::DefaultLargeBlocks(spec->connection);
  const bool heads = spec->large.heads > 0 || large.Has("heads");
  ReadLarge(large, spec->sequence, &spec->large);
  if (!heads && spec->large.blocks > 0 && !spec->paths.empty()) {
    map.Fail("large", Format("neither the paths' heads together nor heads of the first path's size "
                             "divide width %lld evenly; "
                             "give large.heads",
                             (long long)spec->large.d));
  }
}

std::string ReadCorpusName(YamlMap& map, const Recipe& recipe) {
  const std::string corpus = map.RequireString("corpus");
  if (recipe.FindCorpus(corpus) == nullptr && map.Has("corpus")) {
    std::vector<std::string> names;
    for (const Corpus& known : recipe.corpora) names.push_back(known.name);
    map.Fail("corpus", "there is no corpus \"" + corpus + "\"; corpora has " + Join(names, ", "));
  }
  return corpus;
}

Composite ReadComposite(const YAML::Node& node, const std::string& where, const Recipe& recipe,
                        YamlErrors& errors) {
  YamlMap map(node, where, errors);
  Composite composite;
  composite.line = node.Mark().line + 1;
  composite.spec = BlankSpec(recipe, map.RequireString("name"));
  CheckName(map, "name", composite.spec.name);
  composite.base = map.String("base", "");
  ReadStarts(map, &composite);
  ReadMembers(map, recipe, &composite);
  TakeArchOfPaths(map, recipe, &composite);
  ReadCompositeArch(map, recipe.sequence, &composite.spec.arch);
  ReadConnections(map, ConnectInitPreset(recipe.compat), &composite.spec);
  composite.joint = recipe.joint;
  // What the composite does not say itself comes from the recipe's `joint`, whose defaults and
  // errors are reported there already.
  const YAML::Node joint = map.Node("joint");
  if (joint.IsDefined()) {
    const bool before = errors.inherited();
    errors.set_inherited(true);
    ReadJointSection(joint, map.PathOf("joint"), errors, &composite.joint);
    errors.set_inherited(before);
  }
  DropInheritedWarmup(&composite.joint);
  // Rates that were taken from `train` are scaled (spec::Joint::lr_factor). The factor is listed
  // among the defaults unless the recipe gave it, or rates of its own.
  const bool usual = !composite.joint.own_rates && !composite.joint.lr_factor.has_value() &&
                     composite.joint.lr_schedule != spec::LrSchedule::kContinue;
  const double factor = ScaleJointRates(recipe.compat, composite.spec.connection.kind,
                                        &composite.joint);
  if (usual) errors.NoteDefault(map.PathOf("joint.lr_factor"), Format("%g", factor));
  CheckParentsRates(map, recipe, composite);
  CheckGroups(map, recipe, composite);
  CheckTeachers(map, composite);
  SettleMatch(map, &composite);
  return composite;
}

}  // namespace braid::recipe
