#include "recipe/parse/yaml_source.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace braid::recipe {
namespace {

using schema::Type;

// The value as its type reads it. A text that the type cannot read stays a text, so that the error
// can quote it.
Json ScalarOf(Type type, const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (type == Type::kInt) {
    if (const Result<int64_t> whole = ParseWhole(text); whole.ok()) return *whole;
  } else if (type == Type::kNumber) {
    if (const Result<double> number = ParseDouble(text); number.ok()) {
      // JSON has no infinity, so the text is kept, and the error quotes it.
      if (std::isfinite(*number)) return *number;
    }
  } else if (type == Type::kBool) {
    if (bool value = false; YAML::convert<bool>::decode(node, value)) return value;
  }
  return text;
}

// The value of a field that may have several types, by YAML's own rules.
Json AnyOf(const YAML::Node& node) {
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const YAML::Node& item : node) list.push_back(AnyOf(item));
    return list;
  }
  if (node.IsMap()) return Json::object();
  if (!node.IsScalar()) return Json();
  if (node.Tag() == "!") return node.Scalar();  // in quotes
  for (const Type type : {Type::kInt, Type::kNumber, Type::kBool}) {
    if (Json value = ScalarOf(type, node); !value.is_string()) return value;
  }
  return node.Scalar();
}

Type ElementOf(Type list) {
  return list == Type::kInts || list == Type::kNamedInts ? Type::kInt
         : list == Type::kNumbers                        ? Type::kNumber
                                                         : Type::kText;
}

}  // namespace

Json YamlSource::Value(const schema::Field& field) {
  const YAML::Node node = map_.Node(field.name);
  if (!node.IsDefined()) return Json();
  if (field.type == Type::kCustom) return AnyOf(node);
  if (node.IsMap()) return field.is_named_values() ? NamedValues(field, node) : Json::object();
  if (!field.is_list()) return node.IsSequence() ? Json::array() : ScalarOf(field.type, node);
  const Type element = ElementOf(field.type);
  if (!node.IsSequence()) {
    // One text is a list of one.
    const bool one = element == Type::kText || field.one_or_more;
    return one ? Json::array({ScalarOf(element, node)}) : Json(node.Scalar());
  }
  Json list = Json::array();
  for (const YAML::Node& item : node)
    list.push_back(item.IsScalar() ? ScalarOf(element, item) : AnyOf(item));
  return list;
}

Json YamlSource::NamedValues(const schema::Field& field, const YAML::Node& node) {
  YamlMap named(node, map_.PathOf(field.name), map_.errors());  // refuses a name that comes twice
  Json values = Json::object();
  for (const auto& item : node) {
    const std::string name = item.first.Scalar();
    const YAML::Node value = named.Node(name);
    if (!value.IsDefined()) continue;
    values[name] = value.IsScalar() ? ScalarOf(ElementOf(field.type), value) : AnyOf(value);
  }
  return values;
}

std::unique_ptr<schema::Source> YamlSource::Section(const schema::Field& field) {
  auto section = std::make_unique<YamlSource>(
      std::make_unique<YamlMap>(map_.Node(field.name), map_.PathOf(field.name), map_.errors()));
  section->within_inherited_ = within_inherited_ || field.omit_default ||
                               (inherited_ != nullptr && inherited_->Find(field.name) != nullptr);
  return section;
}

std::vector<std::unique_ptr<schema::Source>> YamlSource::Sections(const schema::Field& field) {
  std::vector<std::unique_ptr<schema::Source>> items;
  for (const YAML::Node& node : map_.List(field.name)) {
    items.push_back(std::make_unique<YamlSource>(std::make_unique<YamlMap>(
        node, map_.PathOf(field.name) + "." + std::to_string(items.size()), map_.errors())));
  }
  return items;
}

void YamlSource::FailAt(const std::vector<std::string>& fields, const std::string& message) {
  if (fields.front().empty()) return map_.FailSelf(message);
  const auto there = std::find_if(fields.begin(), fields.end(),
                                  [&](const std::string& field) { return map_.HasAt(field); });
  map_.FailAt(there == fields.end() ? fields.front() : *there, message);
}

void YamlSource::NoteDefault(const schema::Field& field, const Json& value) {
  // An empty text is compared as such: JSON's empty() asks for an empty list.
  // NOLINTNEXTLINE(readability-container-size-empty)
  if (within_inherited_ || (field.omit_default && (value == 0 || value == "" || value == false)))
    return;
  if (inherited_ != nullptr && inherited_->Find(field.name) != nullptr) return;
  map_.errors().NoteDefault(map_.PathOf(field.name), value.is_number_float()
                                                         ? FormatDouble(value.get<double>())
                                                         : value.dump());
}

}  // namespace braid::recipe
