#include "schema/describe.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "schema/empty_value.h"

namespace braid::schema {
namespace {

constexpr const char* kDigitsInGroups = "^[0-9]+(_[0-9]+)+$";
constexpr const char* kDraft = "https://json-schema.org/draft/2020-12/schema";

std::string ValueText(const Json& value) {
  if (value.is_number_float()) return FormatDouble(value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The value in the form of recipes. Null stands for an empty value, which needs no mention as a
// default.
Json AsWritten(const Field& field, const Json& value) {
  if (IsEmptyValue(value)) return Json();
  return field.as_written ? field.as_written(value) : value;
}

std::vector<std::string> NamesOf(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  return names;
}

Json SectionSchema(const Schema& schema);

// JSON Schema by https://json-schema.org/draft/2020-12: each function gives the schema of one type,
// as strict as the reader is, since editors show what it refuses.
Json NumberSchema(const Field& field, bool whole) {
  Json json = {{"type", whole ? "integer" : "number"}};
  const auto bound = [&](double value) {
    return whole ? Json(static_cast<int64_t>(value)) : Json(value);
  };
  if (std::isfinite(field.range.min))
    json[field.range.above ? "exclusiveMinimum" : "minimum"] = bound(field.range.min);
  if (std::isfinite(field.range.max)) {
    json[field.range.below ? "exclusiveMaximum" : "maximum"] = bound(field.range.max);
  } else if (whole) {
    // The limit that the reader applies to whole numbers without a bound (WithLimit in schema.cc).
    json["maximum"] = kMaxInteger;
  }
  return json;
}

Json ListSchema(const Field& field, Json item) {
  Json json = {{"type", "array"}, {"items", std::move(item)}};
  if (field.size > 0) json["minItems"] = json["maxItems"] = field.size;
  if (!field.not_empty.empty()) json["minItems"] = 1;
  if (field.unique) json["uniqueItems"] = true;
  return json;
}

// What a text may be in a recipe: `run: 5` and `name: true` are names as they are written.
Json TextSchema() {
  return {{"type", {"string", "number", "boolean"}}};
}

// One text is a list of one, in recipes.
Json TextsSchema(const Field& field, const Json& one) {
  return {{"anyOf", {one, ListSchema(field, one)}}};
}

Json NamedSchema(Json value) {
  return {{"type", "object"}, {"additionalProperties", std::move(value)}};
}

Json SectionsSchema(const Field& field) {
  const Json item = SectionSchema(field.section());
  if (!field.keyed_by_name) return ListSchema(field, item);
  return {{"type", "object"}, {"additionalProperties", item}, {"minProperties", 1}};
}

Json TypeSchema(const Field& field) {
  switch (field.type) {
    case Type::kBool:
      return {{"type", "boolean"}};
    case Type::kInt:
      // 300_000 is text to YAML 1.2.
      return {{"anyOf",
               {NumberSchema(field, true), {{"type", "string"}, {"pattern", kDigitsInGroups}}}}};
    case Type::kNumber:
      return NumberSchema(field, false);
    case Type::kText:
      return TextSchema();
    case Type::kChoice:
      return {{"enum", field.choices}};
    case Type::kInts:
      return ListSchema(field, NumberSchema(field, true));
    case Type::kNumbers:
      return ListSchema(field, NumberSchema(field, false));
    case Type::kTexts:
      return TextsSchema(field, TextSchema());
    case Type::kChoices:
      return TextsSchema(field, {{"enum", field.choices}});
    case Type::kNamedInts:
      return NamedSchema(NumberSchema(field, true));
    case Type::kNamedTexts:
      return NamedSchema(TextSchema());
    case Type::kObject:
      return {{"type", "object"}};
    case Type::kCustom:
      return field.custom_schema.is_null() ? Json::object() : field.custom_schema;
    case Type::kSection:
      return SectionSchema(field.section());
    case Type::kSections:
      return SectionsSchema(field);
  }
  return Json::object();
}

Json FieldSchema(const Field& field) {
  Json json = TypeSchema(field);
  if (!field.forms.empty()) {
    json = {{"anyOf", Json::array({std::move(json)})}};
    for (const Field& form : field.forms) json["anyOf"].push_back(TypeSchema(form));
  }
  json["description"] = field.meaning;
  if (const Json default_value = AsWritten(field, field.default_value); !default_value.is_null())
    json["default"] = default_value;
  return json;
}

// Fields that depend on another field's value (Field::OnlyIf) are allowed and never required here.
// JSON Schema could say this only with conditions that editors show as puzzling errors; the reader
// checks it.
Json SectionSchema(const Schema& schema) {
  Json json = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  for (const Field& field : schema.fields) {
    json["properties"][field.name] = FieldSchema(field);
    if (field.required && field.only_if_field.empty()) json["required"].push_back(field.name);
  }
  return json;
}

std::string Cell(const Field& field) {
  std::string text = field.id.empty() ? "" : field.id + ". ";
  if (!field.only_if_field.empty())
    text += "Of `" + field.only_if_field + ": " + Join(field.only_if_values, "`, `") + "`. ";
  text += field.meaning;
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    // A bar would end the cell of the Markdown table.
    text.insert(at, "\\");
  return text;
}

// ", or two numbers", of the other shapes that a value may have.
std::string FormsText(const Field& field) {
  std::string text;
  for (const Field& form : field.forms) text += ", or " + TypeText(form);
  return text;
}

std::string Code(const std::string& text) {
  return "`" + text + "`";
}

std::string DefaultCell(const Field& field) {
  if (field.required) return "required";
  if (!field.default_text.empty()) return field.default_text;
  const Json default_value = AsWritten(field, field.default_value);
  if (default_value.is_null()) return "";
  if (default_value.is_string())
    return Code(default_value == "\n" ? "\"\\n\"" : default_value.get<std::string>());
  return default_value.is_boolean() ? Code(ValueText(default_value)) : ValueText(default_value);
}

std::string TypeCell(const Field& field) {
  if (field.type != Type::kChoice) return TypeText(field);
  std::vector<std::string> words;
  for (const std::string& word : field.choices) words.push_back(Code(word));
  return Join(words, ", ") + FormsText(field);
}

// One row for each field that holds a value; sections are the dotted paths of what is in them.
void AddRows(const Schema& schema, const std::string& above,
             const std::vector<std::string>& without, std::string* table) {
  for (const Field& field : schema.fields) {
    if (std::find(without.begin(), without.end(), field.name) != without.end()) continue;
    const std::string path = above + field.name;
    // A section whose default is another section (`joint` from `train`) would repeat that one's
    // rows.
    if (field.type == Type::kSection && field.default_text.empty()) {
      AddRows(field.section(), path + ".", {}, table);
    } else {
      *table += "| " + Code(path) + " | " + TypeCell(field) + " | " + DefaultCell(field) + " | " +
                Cell(field) + " |\n";
    }
  }
}

// What `braid explain` prints of a section: its fields, aligned, with the type of each.
std::string SectionText(const FieldLocation& location) {
  const Schema& schema = *location.schema;
  std::string text = (location.path.empty() ? schema.name : location.path) + ": " +
                     (location.field == nullptr ? schema.meaning : location.field->meaning) + "\n";
  if (location.field != nullptr && !location.field->forms.empty())
    text += "  type: " + TypeText(*location.field) + "\n";
  size_t widest = 0;
  for (const Field& field : schema.fields) widest = std::max(widest, field.name.size());
  for (const Field& field : schema.fields) {
    text += Format(
        "  %-*s  %s\n", static_cast<int>(widest), field.name.c_str(),
        field.is_section() ? ("<section> " + field.meaning).c_str() : TypeText(field).c_str());
  }
  return text;
}

bool IsNumber(const std::string& part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

Result<FieldLocation> FindField(const Schema& root, const std::string& path) {
  FieldLocation location{"", &root, nullptr};
  std::vector<std::string> parts = path.empty() ? std::vector<std::string>() : Split(path, '.');
  // The name of the root may be part of the path.
  if (!parts.empty() && parts.front() == root.name) parts.erase(parts.begin());
  bool previous_was_key = false;
  for (const std::string& part : parts) {
    const bool in_list = location.field != nullptr && location.field->type == Type::kSections;
    const Field* field = location.schema->Find(part);
    if (field == nullptr && in_list && !previous_was_key &&
        (IsNumber(part) || location.field->keyed_by_name)) {
      // An index of a list or the name of a corpus. Two in a row cannot be right.
      previous_was_key = true;
      continue;
    }
    previous_was_key = false;
    if (field == nullptr || (location.field != nullptr && !location.field->is_section())) {
      const std::vector<std::string> names = NamesOf(*location.schema);
      const std::string near = NearestWord(part, names),
                        where = location.path.empty() ? "a recipe" : location.path;
      if (location.field != nullptr && !location.field->is_section())
        return NotFound(path + ": " + where + " has no fields within");
      return NotFound(
          path + ": " + where + " has no field " + part + "; " +
          (near.empty() ? "there are " + Join(names, ", ")
                        : "did you mean " +
                              (location.path.empty() ? near : location.path + "." + near) + "?"));
    }
    location.path += (location.path.empty() ? "" : ".") + part;
    location.field = field;
    if (field->is_section()) location.schema = &field->section();
  }
  return location;
}

std::string TypeText(const Field& field) {
  const std::string forms = FormsText(field);
  if (field.type == Type::kChoice) return Join(field.choices, " | ") + forms;
  if (field.type == Type::kSections)
    return (field.keyed_by_name ? "names, each with a mapping" : "a list of mappings") + forms;
  std::string text = (field.one_or_more ? "one or " : "") + field.Expected();
  if (field.type == Type::kInt || field.type == Type::kNumber) {
    const std::string range = field.range.Text(field.type == Type::kInt);
    if (!range.empty()) text += ", " + range;
  }
  return text + forms;
}

std::string DefaultText(const Schema& schema, const Field& field) {
  if (field.required) return "required";
  if (!field.default_text.empty()) return field.default_text;
  const Json default_value = AsWritten(field, schema.Default(field));
  std::string text = default_value.is_null() ? "" : ValueText(default_value);
  if (!field.paper.is_null()) text += "; under compat: paper " + ValueText(field.paper);
  return text;
}

std::string ExplainText(const FieldLocation& location) {
  if (location.field == nullptr || location.field->is_section()) return SectionText(location);
  const Field& field = *location.field;
  std::string text = location.path + "\n  type:     " + TypeText(field) + "\n";
  if (const std::string default_value = DefaultText(*location.schema, field);
      !default_value.empty())
    text += "  default:  " + default_value + "\n";
  if (!field.id.empty()) text += "  rule:     " + field.id + "\n";
  if (!field.only_if_field.empty())
    text += "  only for: " + field.only_if_field + ": " + Join(field.only_if_values, " or ") + "\n";
  return text + "\n" + field.meaning + "\n";
}

Json ExplainJson(const FieldLocation& location) {
  Json json = {{"path", location.path}};
  if (location.field == nullptr || location.field->is_section()) {
    json["meaning"] = location.field == nullptr ? location.schema->meaning
                                                : location.field->meaning;
    json["fields"] = Json::array();
    for (const Field& field : location.schema->fields) {
      const std::string path = location.path.empty() ? field.name
                                                     : location.path + "." + field.name;
      Json one = {{"path", path}, {"meaning", field.meaning}};
      if (!field.is_section()) one = ExplainJson({path, location.schema, &field});
      json["fields"].push_back(std::move(one));
    }
    return json;
  }
  const Field& field = *location.field;
  json["meaning"] = field.meaning;
  json["type"] = TypeText(field);
  if (!field.choices.empty()) json["choices"] = field.choices;
  json["required"] = field.required;
  if (const Json default_value = AsWritten(field, location.schema->Default(field));
      !default_value.is_null())
    json["default"] = default_value;
  if (!field.default_text.empty()) json["default_text"] = field.default_text;
  if (!field.paper.is_null()) json["default_paper"] = field.paper;
  if (!field.id.empty()) json["rule"] = field.id;
  if (!field.only_if_field.empty())
    json["only_for"] = {{field.only_if_field, field.only_if_values}};
  return json;
}

Json JsonSchemaOf(const Schema& root, const std::string& title) {
  Json json = SectionSchema(root);
  json["$schema"] = kDraft;
  json["title"] = title;
  json["description"] = root.meaning;
  return json;
}

std::string MarkdownTable(const Schema& schema, const std::vector<std::string>& without) {
  std::string table = "| key | type | default | meaning |\n|---|---|---|---|\n";
  AddRows(schema, "", without, &table);
  return table;
}

std::string MarkdownPresets(const Schema& root, const std::vector<std::string>& sections) {
  std::string table = "| | field | `paper` | `fixed` |\n|---|---|---|---|\n";
  for (const std::string& section : sections) {
    for (const Field& field : root.Find(section)->section().fields) {
      if (field.paper.is_null()) continue;
      table += "| " + field.id + " | " + Code(section + "." + field.name) + " | " +
               Code(ValueText(field.paper)) + " | " + Code(ValueText(field.default_value)) + " |\n";
    }
  }
  return table;
}

}  // namespace braid::schema
