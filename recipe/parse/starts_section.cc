#include "recipe/parse/starts_section.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "recipe/parse/composite_section.h"
#include "recipe/parse/stack_section.h"
#include "recipe/parse/swept_field.h"
#include "spec/model.h"

namespace braid::recipe {
namespace {

// A way to begin: its name, and the fields that it sets in the composite.
struct Start {
  std::string name;
  YAML::Node fields;
};

bool TriesStarts(const YAML::Node& node) {
  return node.IsMap() && node["start"] && node["start"].IsScalar() &&
         node["start"].Scalar() == NameOf(spec::CompositeStart::kAuto);
}

// Each kind of connection, as it begins by itself.
std::vector<Start> UsualStarts(const YAML::Node& node, const std::string& where,
                               YamlErrors& errors) {
  if (node["connect"]) {
    errors.Fail(node["connect"].Mark(),
                where +
                    ".connect: start auto tries every kind of connection; take it out, or give "
                    "starts of your own");
  }
  std::vector<Start> starts;
  for (const auto kind : {model::ConnectionKind::kSlice, model::ConnectionKind::kShare,
                          model::ConnectionKind::kRouted}) {
    YAML::Node fields(YAML::NodeType::Map);
    fields["connect"] = NameOf(kind);
    starts.push_back({NameOf(kind), fields});
  }
  return starts;
}

// Those that the recipe names: {NAME: {FIELD: value, ...}, ...}.
std::vector<Start> NamedStarts(const YAML::Node& node, const std::string& where,
                               YamlErrors& errors) {
  std::vector<Start> starts;
  if (!node.IsMap()) {
    errors.Fail(node.Mark(), where + ": expected a mapping of names to fields of the composite");
    return starts;
  }
  YamlMap once(node, where, errors);  // refuses a name that comes twice
  for (const auto& item : node) {
    const std::string name = item.first.Scalar(), at = where + "." + name;
    (void)once.Node(name);
    if (!IsName(name))
      errors.Fail(item.first.Mark(), at + ": is not a name; use letters, digits, _ - .");
    if (!item.second.IsMap()) {
      errors.Fail(item.second.Mark(), at + ": expected a mapping of fields of the composite");
      continue;
    }
    static constexpr std::array kOfAll = {"name", "paths", "base", "start", "starts", "probe"};
    for (const auto& field : item.second) {
      const std::string key = field.first.Scalar();
      if (std::find(kOfAll.begin(), kOfAll.end(), key) != kOfAll.end())
        errors.Fail(field.first.Mark(), at + "." + key + ": is the same for all starts");
    }
    starts.push_back({name, item.second});
  }
  if (node.size() < 2)
    errors.Fail(node.Mark(), where + ": there is nothing to compare; give two starts at least");
  return starts;
}

// The composite that begins in this way, as if the recipe had written it.
YAML::Node NodeOf(const YAML::Node& node, const Start& start, YamlErrors& errors) {
  YAML::Node made = node;
  const auto set = [&](const std::string& field, const YAML::Mark& mark, const YAML::Node& value) {
    made.reset(WithField(made, field, mark, value, errors));
  };
  for (const auto& field : start.fields)
    set(field.first.Scalar(), field.first.Mark(), field.second);
  if (const YAML::Node name = node["name"]; name && name.IsScalar())
    set("name", name.Mark(), ScalarAt(name.Mark(), name.Scalar() + "-" + start.name));
  return made;
}

}  // namespace

std::vector<Composite> ReadComposites(const YAML::Node& node, const std::string& where,
                                      const Recipe& recipe, YamlErrors& errors) {
  if (!TriesStarts(node)) return {ReadComposite(node, where, recipe, errors)};
  const std::vector<Start> starts = node["starts"]
                                        ? NamedStarts(node["starts"], where + ".starts", errors)
                                        : UsualStarts(node, where, errors);
  std::vector<Composite> composites;
  for (const Start& start : starts) {
    composites.push_back(ReadComposite(NodeOf(node, start, errors), where, recipe, errors));
    Composite& composite = composites.back();
    composite.line = node.Mark().line + 1;
    composite.start = start.name;
    if (node["name"] && node["name"].IsScalar()) composite.starts_of = node["name"].Scalar();
  }
  return composites;
}

}  // namespace braid::recipe
