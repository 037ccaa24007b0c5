#include "recipe/parse/sweep_section.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "recipe/parse/stack_section.h"
#include "recipe/parse/swept_field.h"
#include "recipe/parse/yaml_source.h"
#include "spec/documents/documents.h"
#include "spec/recipe.h"

namespace braid::recipe {
namespace {

constexpr char kOver[] = "sweep.over";

// A value as the recipe writes it: "3e-3", "[0.9, 0.95]".
std::string TextOf(const YAML::Node& node) {
  if (node.IsScalar()) return node.Scalar();
  if (!node.IsSequence()) return YAML::Dump(node);
  std::vector<std::string> parts;
  for (const YAML::Node& item : node) parts.push_back(TextOf(item));
  return "[" + Join(parts, ", ") + "]";
}

// The form in which values are compared: 1e-3 and 0.001 are the same number.
std::string MeaningOf(const YAML::Node& node) {
  if (node.IsScalar() && node.Tag() != "!") {
    if (const Result<int64_t> whole = ParseWhole(node.Scalar()); whole.ok())
      return std::to_string(*whole);
    if (const Result<double> number = ParseDouble(node.Scalar()); number.ok())
      return FormatDouble(*number);
  }
  return TextOf(node);
}

// Adds the texts of a list of values; no two may be the same.
void ReadValues(const YAML::Node& list, const std::string& where, YamlErrors& errors,
                std::vector<std::string>* values) {
  if (list.size() == 0)
    errors.Fail(list.Mark(), where + ": the list is empty; give the values that it takes in turn");
  std::set<std::string> seen;
  for (const YAML::Node& item : list) {
    values->push_back(TextOf(item));
    if (!seen.insert(MeaningOf(item)).second)
      errors.Fail(item.Mark(), where + ": " + values->back() + " appears twice");
  }
}

// {min, max, scale}: of a random sweep, and of a number.
void ReadRange(const YAML::Node& node, const FieldOfRecipe& field, const Sweep& sweep,
               YamlErrors& errors, SweepAxis* axis) {
  const std::string where = kOver + ("." + axis->name);
  YamlMap map(node, where, errors);
  spec::SweepRange range;
  ReadFields(map, &range);
  axis->range = range;
  axis->whole = field.field != nullptr && field.field->type == schema::Type::kInt;
  const bool number = axis->whole ||
                      (field.field != nullptr && field.field->type == schema::Type::kNumber);
  if (!number)
    return map.FailSelf("only a number can be drawn between min and max; give a list of values");
  if (sweep.method == spec::SweepMethod::kHalving && !sweep.draws())
    return map.FailSelf("values of a range are drawn; give sweep.count, or a list of values");
  if (!sweep.draws())
    return map.FailSelf("a grid needs a list of values; a range is of method: random");
  const auto is_whole = [](double value) { return value == std::floor(value); };
  if (axis->whole && !(is_whole(range.min) && is_whole(range.max)))
    map.FailSelf("is a whole number, so that min and max must be whole numbers");
}

// Fields that vary together: {small: {field: value, ...}, large: {...}}. All settings have the same
// fields, so that none of them is what another one left.
void ReadSettings(const YAML::Node& node, YamlErrors& errors, SweepAxis* axis) {
  const std::string where = kOver + ("." + axis->name);
  YamlMap settings(node, where, errors);
  std::set<std::string> first;
  for (const auto& item : node) {
    const std::string name = item.first.Scalar(), at = where + "." + name;
    (void)settings.Node(name);
    if (!IsName(name))
      errors.Fail(item.first.Mark(), at + ": is not a name; use letters, digits, _ - .");
    if (!item.second.IsMap() || item.second.size() == 0) {
      errors.Fail(item.second.Mark(), at + ": expected a mapping of fields to values");
      continue;
    }
    YamlMap setting(item.second, at, errors);
    std::set<std::string> fields;
    for (const auto& one : item.second) {
      const std::string field = one.first.Scalar();
      (void)setting.Node(field);
      fields.insert(field);
      if (const FieldOfRecipe found = FindSweptField(field); !found.error.empty())
        errors.Fail(one.first.Mark(), at + "." + field + ": " + found.error);
    }
    if (axis->values.empty()) first = fields;
    if (fields != first) {
      errors.Fail(item.second.Mark(), at + ": has other fields than " + axis->values.front() +
                                          ", which has " +
                                          Join({first.begin(), first.end()}, ", "));
    }
    axis->values.push_back(name);
  }
}

bool IsRange(const YAML::Node& node) {
  return node.IsMap() && (node["min"] || node["max"]);
}

// A key at the top of a recipe.
bool IsKey(const std::string& name) {
  return spec::RecipeDocument().Find(name) != nullptr;
}

void ReadAxis(const YAML::Node& key, const YAML::Node& node, YamlErrors& errors, Sweep* sweep) {
  SweepAxis axis;
  axis.name = key.Scalar();
  const std::string where = kOver + ("." + axis.name);
  const FieldOfRecipe field = FindSweptField(axis.name);
  const bool together = node.IsMap() && !IsRange(node);
  if (together) {
    // Its name is the user's own, and no field.
    if (IsKey(axis.name)) {
      errors.Fail(key.Mark(), where +
                                  ": expected a list of values, found a mapping; fields that "
                                  "vary together have a name that is no field");
    } else if (!IsName(axis.name) || axis.name.find('.') != std::string::npos) {
      errors.Fail(key.Mark(),
                  where + (field.error.empty() ? ": expected a list of values, found a mapping"
                                               : ": fields that vary together have a name without "
                                                 "dots, such as budget"));
    } else {
      ReadSettings(node, errors, &axis);
    }
  } else if (!field.error.empty()) {
    errors.Fail(key.Mark(), where + ": " + field.error);
  } else if (IsRange(node)) {
    ReadRange(node, field, *sweep, errors, &axis);
  } else if (node.IsSequence()) {
    ReadValues(node, where, errors, &axis.values);
  } else {
    errors.Fail(node.Mark(), where + ": expected a list of values");
  }
  sweep->axes.push_back(std::move(axis));
}

// The fields of an axis: its own, or those of its settings.
std::vector<std::string> FieldsOf(const YAML::Node& key, const YAML::Node& node) {
  if (!node.IsMap() || IsRange(node)) return {key.Scalar()};
  std::vector<std::string> fields;
  for (const auto& item : node) {
    if (!item.second.IsMap()) continue;
    for (const auto& one : item.second) fields.push_back(one.first.Scalar());
    break;  // all have the same
  }
  return fields;
}

// The field with the name of a model in the place of its number: both are one field.
std::string ByName(const YAML::Node& document, const std::string& field) {
  std::vector<std::string> parts = Split(field, '.');
  if (parts.size() < 2 || !document[parts[0]] || !document[parts[0]].IsSequence()) return field;
  const Result<int64_t> number = ParseInt(parts[1]);
  if (!number.ok() || *number < 0 || *number >= static_cast<int64_t>(document[parts[0]].size()))
    return field;
  const YAML::Node model = document[parts[0]][static_cast<size_t>(*number)];
  if (model.IsMap() && model["name"] && model["name"].IsScalar()) parts[1] = model["name"].Scalar();
  return Join(parts, ".");
}

// No field varies twice, nor does a section together with a field of it: the order would decide.
void CheckOverlap(const YAML::Node& document, const YAML::Node& over, YamlErrors& errors) {
  std::vector<std::string> seen;
  for (const auto& item : over) {
    for (const std::string& written : FieldsOf(item.first, item.second)) {
      const std::string field = ByName(document, written);
      for (const std::string& other : seen) {
        const auto within = [](const std::string& inner, const std::string& outer) {
          return inner == outer || inner.starts_with(outer + ".");
        };
        if (within(field, other) || within(other, field))
          errors.Fail(item.first.Mark(),
                      std::string(kOver) + ": " + field + " is set twice, by " + other + " too");
      }
      seen.push_back(field);
    }
  }
}

void ReadSweepSection(const YAML::Node& document, YamlMap& root, Sweep* sweep) {
  const YAML::Node node = root.Node("sweep");
  if (!node.IsDefined()) return;
  YamlErrors& errors = root.errors();
  YamlMap section(node, "sweep", errors);
  const YAML::Node over = section.Require("over");
  ReadFields<spec::RecipeSweep>(section, sweep);
  if (!over.IsDefined()) return;
  if (!over.IsMap() || over.size() == 0)
    return section.Fail("over", "expected a mapping of fields to lists of values");
  YamlMap once(over, kOver, errors);  // refuses a field that comes twice
  for (const auto& item : over) {
    (void)once.Node(item.first.Scalar());
    ReadAxis(item.first, item.second, errors, sweep);
  }
  CheckOverlap(document, over, errors);
  std::vector<std::string> names;
  for (const SweepAxis& axis : sweep->axes) names.push_back(axis.name);
  const std::vector<std::string> labels = LabelsOf(names);
  for (size_t i = 0; i < labels.size(); ++i) sweep->axes[i].label = labels[i];
}

// A list of seeds, or how many: the recipe's own and those behind it.
std::vector<std::string> SeedsOf(const YAML::Node& node, uint64_t own, YamlErrors& errors) {
  std::vector<std::string> seeds;
  if (node.IsSequence()) {
    ReadValues(node, kSeedsAxis, errors, &seeds);
    for (const YAML::Node& item : node) {
      const Result<int64_t> seed = ParseWhole(item.IsScalar() ? item.Scalar() : "");
      if (!seed.ok() || *seed < 0)
        errors.Fail(item.Mark(),
                    std::string(kSeedsAxis) + ": expected whole numbers of at least 0");
    }
    return seeds;
  }
  const Result<int64_t> count = ParseWhole(node.IsScalar() ? node.Scalar() : "");
  if (!count.ok() || *count < 1 || *count > spec::kMaxVariants) {
    errors.Fail(node.Mark(), Format("%s: expected a list of seeds, or how many, in 1 .. %lld",
                                    kSeedsAxis, (long long)spec::kMaxVariants));
    return seeds;
  }
  for (int64_t i = 0; i < *count; ++i)
    seeds.push_back(std::to_string(own + static_cast<uint64_t>(i)));
  return seeds;
}

void ReadSeeds(YamlMap& root, Sweep* sweep) {
  const YAML::Node node = root.Node(kSeedsAxis);
  if (!node.IsDefined()) return;
  const YAML::Node section = root.Node("sweep");
  const YAML::Node over = section.IsDefined() && section.IsMap() && section["over"]
                              ? section["over"]
                              : YAML::Node(YAML::NodeType::Map);
  for (const auto& item : over) {
    const std::vector<std::string> fields = FieldsOf(item.first, item.second);
    if (std::find(fields.begin(), fields.end(), "seed") != fields.end())
      root.Fail(kSeedsAxis,
                "sweep.over has seed already, which draws the text that is set aside too; give one "
                "of the two");
  }
  // What is wrong with `seed` itself is reported by whoever reads the top.
  const YAML::Node seed = root.Node("seed");
  const Result<int64_t> own = ParseWhole(seed.IsDefined() && seed.IsScalar() ? seed.Scalar() : "");
  SweepAxis axis;
  axis.name = kSeedsAxis;
  axis.label = "seed";
  axis.values = SeedsOf(
      node, own.ok() && *own >= 0 ? static_cast<uint64_t>(*own) : spec::RecipeTop().seed,
      root.errors());
  sweep->axes.push_back(std::move(axis));
}

// A number for people; the largest ones stand for "no end of them".
void CheckCount(const YAML::Node& document, const Sweep& sweep, YamlErrors& errors) {
  const YAML::Node place = document["sweep"] ? document["sweep"] : document[kSeedsAxis];
  const int64_t combinations = CountCombinations(sweep);
  if (sweep.draws() && combinations >= 0 && *sweep.count > combinations) {
    const bool halving = sweep.method == spec::SweepMethod::kHalving;
    errors.Fail(place.Mark(),
                Format("sweep.count: there are %lld combinations, and %lld of them are asked for; "
                       "%s takes all",
                       (long long)combinations, (long long)*sweep.count,
                       halving ? "halving without count" : "method: grid"));
    return;
  }
  const int64_t variants = CountVariants(sweep);
  if (variants <= spec::kMaxVariants) return;
  std::vector<std::string> factors;
  for (const SweepAxis& axis : sweep.axes) {
    if (!axis.values.empty() && (!sweep.draws() || axis.name == kSeedsAxis))
      factors.push_back(Format("%zu of %s", axis.values.size(), axis.name.c_str()));
  }
  if (sweep.draws())
    factors.insert(factors.begin(), Format("%lld that are drawn", (long long)*sweep.count));
  errors.Fail(place.Mark(), Format("sweep: %s make %lld variants; at most %lld are allowed",
                                   Join(factors, " x ").c_str(), (long long)variants,
                                   (long long)spec::kMaxVariants));
}

}  // namespace

Sweep ReadSweep(const YAML::Node& document, YamlErrors& errors) {
  Sweep sweep;
  if (!document["sweep"] && !document[kSeedsAxis]) return sweep;
  // Only these two are read here; the others are no errors.
  YAML::Node own(YAML::NodeType::Map);
  for (const auto& item : document) {
    const std::string key = item.first.Scalar();
    if (key == "sweep" || key == kSeedsAxis || key == "seed")
      own.force_insert(item.first, item.second);
  }
  YamlMap root(own, "", errors);
  (void)root.Node("seed");
  ReadSweepSection(document, root, &sweep);
  ReadSeeds(root, &sweep);
  if (errors.ok()) CheckCount(document, sweep, errors);
  return sweep;
}

void CheckCompared(const YAML::Node& document, const Sweep& sweep, const Recipe& recipe,
                   YamlErrors& errors) {
  if (sweep.models.empty()) return;
  std::vector<std::string> trained;
  if (recipe.seed_model) trained.push_back(recipe.seed_model->name());
  for (const Model& path : recipe.paths)
    if (path.from.empty()) trained.push_back(path.name());
  for (const Model& baseline : recipe.baselines) trained.push_back(baseline.name());
  for (const Composite& composite : recipe.composites) trained.push_back(composite.name());
  const YAML::Mark place = document["sweep"]["models"].Mark();
  std::set<std::string> seen;
  for (const std::string& model : sweep.models) {
    if (!seen.insert(model).second) errors.Fail(place, "sweep.models: " + model + " appears twice");
    for (const std::vector<Model>* models : {&recipe.paths, &recipe.baselines}) {
      for (const Model& one : *models) {
        if (one.name() != model || one.continued.empty()) continue;
        errors.Fail(place, "sweep.models: " + model +
                               " goes on from a checkpoint (continue), behind which a rung may "
                               "lie already; leave it out, or begin with its weights (start)");
      }
    }
    for (const Composite& composite : recipe.composites) {
      if (composite.name() != model || composite.starts_of.empty()) continue;
      errors.Fail(place, "sweep.models: " + model + " is compared with the other starts of " +
                             composite.starts_of +
                             " already (start: auto); leave it out, or give "
                             "the composite one start");
    }
    if (std::find(trained.begin(), trained.end(), model) != trained.end()) continue;
    const std::string near = NearestWord(model, trained);
    errors.Fail(place, "sweep.models: the recipe trains no model " + model +
                           (near.empty() ? "; it trains " + Join(trained, ", ")
                                         : "; did you mean " + near + "?"));
  }
}

YAML::Node DocumentOf(const YAML::Node& document, const Sweep& sweep, const SweptValues& values,
                      YamlErrors& errors) {
  YAML::Node made = document;
  if (!document["sweep"]) return made;
  size_t at = 0;
  for (const auto& item : document["sweep"]["over"]) {
    const SweepAxis& axis = sweep.axes[at];
    const SweptValue& value = values[at++];
    const auto set = [&](const YAML::Node& key, const YAML::Node& to) {
      made.reset(WithField(made, key.Scalar(), key.Mark(), to, errors));
    };
    if (axis.range.has_value()) {
      set(item.first, ScalarAt(item.second.Mark(), value.text));
    } else if (item.second.IsSequence()) {
      set(item.first, item.second[value.index]);
    } else {
      for (const auto& field : item.second[value.text]) set(field.first, field.second);
    }
  }
  return made;
}

}  // namespace braid::recipe
