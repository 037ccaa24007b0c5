#include "merge/composite.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace braid::merge {
namespace {

// OK if the two values are equal; otherwise INCOMPATIBLE_PARENTS with both and with advice.
Status RequireEqual(const std::string& a_name, const std::string& b_name, const std::string& field,
                    const Json& a, const Json& b, const std::string& advice) {
  if (a == b) return OkStatus();
  return Incompatible("parents do not fit together: " + field + " of " + a_name + " is " +
                      a.dump() + ", of " + b_name + " " + b.dump() + "; " + advice);
}

Status CheckArch(const std::string& a_name, const model::Arch& a, const std::string& b_name,
                 const model::Arch& b) {
  for (const model::ArchDifference& one : model::ArchDifferences(a, b)) {
    BRAID_RETURN_IF_ERROR(RequireEqual(a_name, b_name, "arch." + one.field, one.a, one.b,
                                       "it decides what given weights compute, so all must agree"));
  }
  return OkStatus();
}

// The fields in which all weights of one model must agree.
Status CheckPair(const std::string& a_name, const model::ModelSpec& a, const std::string& b_name,
                 const model::ModelSpec& b) {
  const auto equal = [&](const std::string& field, const Json& x, const Json& y,
                         const std::string& advice) {
    return RequireEqual(a_name, b_name, field, x, y, advice);
  };
  const std::string retrain = "train both on one tokenizer";
  BRAID_RETURN_IF_ERROR(
      equal("tokenizer", a.tokenizer.substr(0, 16), b.tokenizer.substr(0, 16), retrain));
  BRAID_RETURN_IF_ERROR(equal("vocab", a.vocab, b.vocab, retrain));
  BRAID_RETURN_IF_ERROR(equal("pad_id", a.pad_id, b.pad_id, retrain));
  BRAID_RETURN_IF_ERROR(equal("eos_id", a.eos_id, b.eos_id, retrain));
  return CheckArch(a_name, a.arch, b_name, b.arch);
}

// "d is 8, the composite says 16; dual.loops is 2, ..."
std::string JsonDifferences(const Json& there, const Json& asked, const std::string& who) {
  const Json was = there.flatten(), is = asked.flatten();
  std::set<std::string> pointers;
  for (const Json* side : {&was, &is}) {
    for (const auto& [pointer, value] : side->items()) pointers.insert(pointer);
  }
  std::vector<std::string> parts;
  for (const std::string& pointer : pointers) {
    const Json a = was.value(pointer, Json()), b = is.value(pointer, Json());
    if (pointer == "/name" || a == b) continue;
    std::string field = pointer.substr(1);
    std::replace(field.begin(), field.end(), '/', '.');
    parts.push_back(field + " is " + a.dump() + ", " + who + " says " + b.dump());
  }
  return Join(parts, "; ");
}

std::string StackDifferences(const model::Stack& there, const model::Stack& asked,
                             const std::string& who) {
  return JsonDifferences(model::StackToJson(there), model::StackToJson(asked), who);
}

const model::Stack* FindPath(const std::vector<model::Stack>& paths, const std::string& name) {
  const auto found = std::find_if(paths.begin(), paths.end(),
                                  [&](const model::Stack& path) { return path.name == name; });
  return found == paths.end() ? nullptr : &*found;
}

std::string Names(const std::vector<model::Stack>& paths) {
  std::vector<std::string> names;
  for (const model::Stack& path : paths) names.push_back(path.name);
  return Join(names, ", ");
}

// Whether a path that is there has the shape of path `place` of the composite.
Status CheckPlace(const std::string& who, const model::Stack& there, const model::Stack& asked,
                  size_t place) {
  if (model::SameShape(there, asked)) return OkStatus();
  return Incompatible(who + " is not what the composite expects as path " + std::to_string(place) +
                      " (" + asked.name + "): " + StackDifferences(there, asked, "the composite"));
}

// With a base, paths are matched by name. Parents that the composite does not have are an error
// too: the user expects a given parent to be used.
Status CheckAgainstBase(const std::vector<Parent>& parents, const Parent& base,
                        const model::ModelSpec& composite) {
  if (base.spec.connection.kind != composite.connection.kind) {
    return Incompatible("the paths of the base are joined by " +
                        schema::NameOf(base.spec.connection.kind) + ", those of the composite by " +
                        schema::NameOf(composite.connection.kind) +
                        "; a base is changed within its kind of connection");
  }
  for (const Parent& parent : parents) {
    if (FindPath(composite.paths, parent.name) == nullptr) {
      return Incompatible("parent " + parent.name + " is no path of the composite, which has " +
                          Names(composite.paths));
    }
  }
  for (size_t p = 0; p < composite.paths.size(); ++p) {
    const model::Stack& path = composite.paths[p];
    const auto parent = std::find_if(parents.begin(), parents.end(),
                                     [&](const Parent& x) { return x.name == path.name; });
    if (parent != parents.end()) {
      BRAID_RETURN_IF_ERROR(CheckPlace("parent " + parent->name, parent->spec.dense, path, p));
      continue;
    }
    const model::Stack* kept = FindPath(base.spec.paths, path.name);
    if (kept == nullptr) {
      return Incompatible("path " + path.name +
                          " is neither a parent nor a path of the base, which has " +
                          Names(base.spec.paths) + "; give it as input parent." + path.name);
    }
    BRAID_RETURN_IF_ERROR(CheckPlace("path " + path.name + " of the base", *kept, path, p));
  }
  return OkStatus();
}

// The large blocks of these paths. If neither number of heads of DefaultLarge fits, the largest
// smaller one that does is taken: unlike a recipe, a merge request has no field for it.
model::Stack LargeOf(const std::vector<model::Stack>& paths, const model::Connection& connection) {
  model::Stack large = model::DefaultLarge(paths);
  large.blocks = model::DefaultLargeBlocks(connection);
  large.identity = model::StartsFromPaths(connection);
  if (large.heads > 0) return large;
  for (const model::Stack& path : paths) large.heads += path.heads;
  while (large.heads > 1 && (large.d % large.heads != 0 || large.d / large.heads % 2 != 0))
    --large.heads;
  return large;
}

Status AddPathsOfBase(const std::vector<Parent>& parents, const Parent& base,
                      const std::vector<std::string>& drop, std::vector<model::Stack>* paths) {
  for (const std::string& name : drop) {
    if (FindPath(base.spec.paths, name) == nullptr) {
      return InvalidArgument("drop: the base has no path " + name + "; it has " +
                             Names(base.spec.paths));
    }
  }
  for (const model::Stack& path : base.spec.paths) {
    if (std::find(drop.begin(), drop.end(), path.name) != drop.end()) continue;
    const auto parent = std::find_if(parents.begin(), parents.end(),
                                     [&](const Parent& x) { return x.name == path.name; });
    // A checkpoint of a path may have been trained under another name.
    paths->push_back(parent == parents.end() ? path : parent->spec.dense);
    paths->back().name = path.name;
  }
  return OkStatus();
}

}  // namespace

Status CheckParents(const std::vector<Parent>& parents, const std::optional<Parent>& base) {
  if (!base && parents.size() < 2) return InvalidArgument("a merge needs at least two parents");
  if (base && base->spec.kind != model::Kind::kComposite) {
    return Incompatible("the base " + base->spec.name + " is no composite; give it as a parent");
  }
  std::set<std::string> names;
  for (const Parent& parent : parents) {
    if (parent.spec.kind != model::Kind::kDense) {
      return Incompatible(
          "parent " + parent.name +
          " is a composite; parents are paths (dense models), a composite is a base");
    }
    if (!names.insert(parent.name).second)
      return InvalidArgument("two parents are called " + parent.name);
    // The account names sources; two of one name could not be told apart.
    if (base && parent.name == base->name) {
      return InvalidArgument("a parent is called " + parent.name +
                             ", which is what the account calls the base; name it otherwise");
    }
    const Parent& first = base ? *base : parents.front();
    BRAID_RETURN_IF_ERROR(CheckPair(first.name, first.spec, parent.name, parent.spec));
  }
  return OkStatus();
}

Status CheckComposite(const std::vector<Parent>& parents, const std::optional<Parent>& base,
                      const model::ModelSpec& composite) {
  if (composite.kind != model::Kind::kComposite)
    return InvalidArgument("spec.model is dense; a merge makes composites");
  BRAID_RETURN_IF_ERROR(CheckParents(parents, base));
  const Parent& first = base ? *base : parents.front();
  BRAID_RETURN_IF_ERROR(CheckPair(first.name, first.spec, "the composite", composite));
  if (base) return CheckAgainstBase(parents, *base, composite);
  if (parents.size() != composite.paths.size()) {
    return InvalidArgument(Format("the composite has %zu paths, there are %zu parents",
                                  composite.paths.size(), parents.size()));
  }
  for (size_t p = 0; p < parents.size(); ++p) {
    BRAID_RETURN_IF_ERROR(
        CheckPlace("parent " + parents[p].name, parents[p].spec.dense, composite.paths[p], p));
  }
  return OkStatus();
}

Status CheckPath(const Parent& path, const model::Stack& asked, const model::Arch& arch) {
  if (path.spec.kind != model::Kind::kDense)
    return Incompatible(path.name + " is a composite; a path is a dense model");
  if (!model::SameShape(path.spec.dense, asked)) {
    return Incompatible(path.name + " is not what the recipe says of it: " +
                        StackDifferences(path.spec.dense, asked, "the recipe"));
  }
  BRAID_RETURN_IF_ERROR(CheckArch(path.name, path.spec.arch, "the recipe", arch));
  return CheckTensors(path);
}

Status CheckModel(const Parent& parent, const model::ModelSpec& asked) {
  // The fields that a training may choose anew: they say how a model began, how long its text may
  // be and where routers have noise, and not what the weights are.
  model::ModelSpec there = parent.spec;
  there.name = asked.name;
  there.sequence = asked.sequence;
  there.arch.router_noise = asked.arch.router_noise;
  there.arch.rope_max_pos = asked.arch.rope_max_pos;
  there.arch.residual_init = asked.arch.residual_init;
  there.connection.init = asked.connection.init;
  there.large.identity = asked.large.identity;
  const std::string differences = JsonDifferences(model::ToJson(there), model::ToJson(asked),
                                                  "the recipe");
  if (!differences.empty())
    return Incompatible(parent.name + " is not what the recipe says of it: " + differences);
  return CheckTensors(parent);
}

Result<model::ModelSpec> CompositeOf(const std::vector<Parent>& parents,
                                     const std::optional<Parent>& base,
                                     const CompositeOptions& options) {
  BRAID_RETURN_IF_ERROR(CheckParents(parents, base));
  if (!base && !options.drop.empty())
    return InvalidArgument("drop: there is no base whose paths could be dropped");
  model::ModelSpec composite = base ? base->spec : parents.front().spec;
  composite.kind = model::Kind::kComposite;
  composite.name = options.name;
  composite.connection = options.connection;
  composite.dense = {};
  composite.paths.clear();
  if (base) BRAID_RETURN_IF_ERROR(AddPathsOfBase(parents, *base, options.drop, &composite.paths));
  for (const Parent& parent : parents) {
    if (FindPath(composite.paths, parent.name) != nullptr) continue;
    composite.paths.push_back(parent.spec.dense);
    composite.paths.back().name = parent.name;
  }
  // Large blocks of the base stay where the width of the stream does; the plan then copies them if
  // the paths, too, stand in their old places.
  model::Stack large = LargeOf(composite.paths, options.connection);
  if (base) large.blocks = base->spec.large.blocks;
  if (!base || large.d != base->spec.large.d) composite.large = large;
  BRAID_RETURN_IF_ERROR(model::Validate(composite));
  BRAID_RETURN_IF_ERROR(CheckComposite(parents, base, composite));
  return composite;
}

}  // namespace braid::merge
