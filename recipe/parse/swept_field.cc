#include "recipe/parse/swept_field.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "schema/describe.h"
#include "spec/documents/documents.h"

namespace braid::recipe {
namespace {

bool IsNumber(const std::string& part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
}

// Fields of the whole run, which cannot vary.
bool IsOfRun(const std::string& field) {
  return field == "run" || field == "priority" || field == "preempt" || field == "tags" ||
         field == "seeds" || field == "sweep" || field == "max_duration" ||
         field.starts_with("max_duration.") || field == "memory" || field.starts_with("memory.");
}

// The path as the schema knows it: a number in the place of a model's name. `in_list`: it ends with
// an item of a list.
std::string WithoutNames(const std::string& path, bool* in_list) {
  const schema::Schema* section = &spec::RecipeDocument();
  const schema::Field* field = nullptr;
  std::vector<std::string> parts;
  *in_list = false;
  for (const std::string& part : Split(path, '.')) {
    const bool item = field != nullptr && field->type == schema::Type::kSections && !*in_list;
    *in_list = item;
    if (item) {
      parts.emplace_back(field->keyed_by_name ? part : "0");
      continue;
    }
    parts.push_back(part);
    field = section == nullptr ? nullptr : section->Find(part);
    section = field != nullptr && field->is_section() ? &field->section() : nullptr;
  }
  return Join(parts, ".");
}

// An empty mapping ("{}") or list ("[]") with this place, which yaml-cpp gives only to what it has
// read.
YAML::Node EmptyAt(const YAML::Mark& mark, const char* empty = "{}") {
  return YAML::Load(std::string(static_cast<size_t>(std::max(0, mark.line)), '\n') +
                    std::string(static_cast<size_t>(std::max(0, mark.column)), ' ') + empty);
}

// The way to a field that is being set.
struct Way {
  const std::vector<std::string>& parts;
  const std::string& path;
  const YAML::Mark& mark;
  const YAML::Node& value;
  YamlErrors& errors;
};

YAML::Node Set(const YAML::Node& node, size_t at, const Way& way);

YAML::Node SetInList(const YAML::Node& list, size_t at, const Way& way) {
  const std::string& part = way.parts[at];
  YAML::Node copy = EmptyAt(list.Mark(), "[]");
  std::vector<std::string> names;
  bool found = false;
  for (size_t i = 0; i < list.size(); ++i) {
    const YAML::Node item = list[i];
    const YAML::Node name = item.IsMap() ? item["name"] : YAML::Node();
    const std::string text = name && name.IsScalar() ? name.Scalar() : "";
    if (!text.empty()) names.push_back(text);
    const bool is_it = !found && (text == part || (IsNumber(part) && std::to_string(i) == part));
    found = found || is_it;
    copy.push_back(is_it ? Set(item, at + 1, way) : item);
  }
  if (found) return copy;
  const std::string section = Join({way.parts.begin(), way.parts.begin() + static_cast<int>(at)},
                                   ".");
  way.errors.Fail(way.mark, "sweep.over." + way.path + ": " + section + " has no " + part +
                                (names.empty() ? ""
                                               : "; it has " + Join(names, ", ") +
                                                     " (a name with dots by its number, from 0)"));
  return list;
}

YAML::Node Set(const YAML::Node& node, size_t at, const Way& way) {
  if (at == way.parts.size()) return way.value;
  const std::string& part = way.parts[at];
  const bool is_there = node.IsDefined() && !node.IsNull();
  if (is_there && node.IsSequence()) return SetInList(node, at, way);
  if (is_there && !node.IsMap()) return node;  // whoever reads it says what is wrong with it
  YAML::Node copy = EmptyAt(is_there ? node.Mark() : way.mark);
  bool found = false;
  if (is_there) {
    for (const auto& item : node) {
      const bool is_it = item.first.Scalar() == part;
      found = found || is_it;
      copy.force_insert(item.first, is_it ? Set(item.second, at + 1, way) : item.second);
    }
  }
  if (found) return copy;
  // A list that is not there has no items to look for.
  const bool list = at == 0 && (part == "paths" || part == "composites" || part == "baselines");
  if (list) {
    way.errors.Fail(way.mark, "sweep.over." + way.path + ": the recipe has no " + part);
    return node;
  }
  copy.force_insert(ScalarAt(way.mark, part), Set(YAML::Node(), at + 1, way));
  return copy;
}

}  // namespace

FieldOfRecipe FindSweptField(const std::string& path) {
  bool item = false;
  const std::string known = WithoutNames(path, &item);
  const std::string first = Split(path, '.').front();
  if (IsOfRun(first)) return {nullptr, first + " is of the whole run and cannot vary"};
  const auto location = schema::FindField(spec::RecipeDocument(), known);
  if (!location.ok()) {
    // "baselines.0.dd: baselines has no field dd; did you mean ...": without the path.
    const std::string message = location.status().message();
    return {nullptr, message.substr(std::min(message.size(), known.size() + 2))};
  }
  if (location->field == nullptr) return {nullptr, "is no field"};
  if (item || location->field->type == schema::Type::kSections)
    return {nullptr, "is a whole " + std::string(item ? "item" : "list") +
                         "; name a field within it, such as baselines.dense.d"};
  if (location->field->name == "name") return {nullptr, "a name cannot vary"};
  return {location->field, ""};
}

YAML::Node WithField(const YAML::Node& document, const std::string& path, const YAML::Mark& mark,
                     const YAML::Node& value, YamlErrors& errors) {
  const std::vector<std::string> parts = Split(path, '.');
  return Set(document, 0, Way{parts, path, mark, value, errors});
}

YAML::Node ScalarAt(const YAML::Mark& mark, const std::string& text) {
  YAML::Node node = EmptyAt(mark);
  node = text;
  return node;
}

}  // namespace braid::recipe
