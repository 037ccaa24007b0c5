#include "recipe/parse/written_fields.h"

#include <yaml-cpp/yaml.h>

#include <utility>

namespace braid::recipe {
namespace {

using Fields = std::map<std::string, std::string>;

// What aliases can blow up stays bounded.
constexpr size_t kMostFields = 2'000;
constexpr size_t kLongestValue = 2'000;
constexpr int kDeepest = 16;

// "[a, {b: 1}]"; cut once it is too long.
void Append(const YAML::Node& node, int depth, std::string* text) {
  if (text->size() > kLongestValue || depth > kDeepest) return;
  if (node.IsScalar()) {
    *text += node.Scalar();
  } else if (node.IsSequence() || node.IsMap()) {
    *text += node.IsMap() ? "{" : "[";
    bool first = true;
    for (const auto& item : node) {
      if (!std::exchange(first, false)) *text += ", ";
      if (node.IsMap()) *text += item.first.Scalar() + ": ";
      Append(node.IsMap() ? item.second : YAML::Node(item), depth + 1, text);
      if (text->size() > kLongestValue) return;
    }
    *text += node.IsMap() ? "}" : "]";
  }
}

std::string FlowText(const YAML::Node& node) {
  std::string text;
  Append(node, 0, &text);
  if (text.size() > kLongestValue) text.resize(kLongestValue);
  return text;
}

// Whether each item is a mapping with a name of its own.
bool AreNamed(const YAML::Node& list) {
  bool named = list.size() > 0;
  for (const auto& item : list)
    named = named && item.IsMap() && item["name"] && item["name"].IsScalar();
  return named;
}

void Flatten(const YAML::Node& node, const std::string& path, int depth, Fields* fields) {
  if (fields->size() >= kMostFields || depth > kDeepest) return;
  const auto below = [&](const std::string& name, const YAML::Node& value) {
    Flatten(value, path.empty() ? name : path + "." + name, depth + 1, fields);
  };
  if (node.IsMap() && node.size() > 0) {
    for (const auto& item : node) {
      if (item.first.IsScalar()) below(item.first.Scalar(), item.second);
    }
  } else if (node.IsSequence() && AreNamed(node)) {
    for (const auto& item : node) below(item["name"].Scalar(), item);
  } else {
    (*fields)[path] = FlowText(node);
  }
}

}  // namespace

std::map<std::string, std::string> WrittenFields(const std::string& text) {
  Fields fields;
  try {
    Flatten(YAML::Load(text), "", 0, &fields);
  } catch (const YAML::Exception&) {
    fields.clear();
  }
  return fields;
}

}  // namespace braid::recipe
