#include "schema/schema.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/excerpt.h"
#include "base/text.h"
#include "schema/empty_value.h"

namespace braid::schema {
namespace {

// The exact number of elements of a list, in words; Field::Size holds it below their number.
constexpr const char* kCounts[] = {"no", "one", "two", "three", "four"};

std::string NumberText(double value) {
  return value == std::floor(value) && std::abs(value) < 0x1p62
             ? std::to_string(static_cast<int64_t>(value))
             : FormatDouble(value);
}

std::string ElementText(Type type) {
  switch (type) {
    case Type::kInts:
      return "whole numbers";
    case Type::kNumbers:
      return "numbers";
    case Type::kChoices:
      return "words";
    default:
      return "texts";
  }
}

// A value as an error message shows it. Long values are cut, and a list or mapping in the place of
// a single value is named instead of printed, as its content does not help.
std::string Shown(const Json& value, bool whole_list) {
  if (value.is_array() && !whole_list) return "a list";
  if (value.is_object()) return "a mapping";
  return Excerpt(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Type ElementOf(Type list) {
  switch (list) {
    case Type::kInts:
      return Type::kInt;
    case Type::kNumbers:
      return Type::kNumber;
    case Type::kChoices:
      return Type::kChoice;
    default:
      return Type::kText;
  }
}

bool HasType(Type type, const Json& value) {
  switch (type) {
    case Type::kBool:
      return value.is_boolean();
    case Type::kInt:
      return value.is_number_integer();
    case Type::kNumber:
      return value.is_number() && std::isfinite(value.get<double>());
    case Type::kObject:
      return value.is_object();
    default:
      return value.is_string();
  }
}

// JSON has no infinity, so the reader of YAML passes such a number on as its text. The error should
// say that the number must be finite, not that text was found.
bool IsInfinite(const Json& value) {
  if (value.is_number()) return !std::isfinite(value.get<double>());
  if (!value.is_string()) return false;
  const Result<double> number = ParseDouble(value.get_ref<const std::string&>());
  return number.ok() && !std::isfinite(*number);
}

// Adds the limit of whole numbers that have no bound of their own (kMaxInteger).
Range WithLimit(Range range, Type type) {
  if (type == Type::kInt && std::isinf(range.max)) range.max = static_cast<double>(kMaxInteger);
  return range;
}

std::string WrongNumber(const Field& field, const Json& value) {
  const auto number = value.get<double>();
  const Range range = WithLimit(field.range, field.type);
  if (range.Holds(number)) return "";
  const bool whole = field.type == Type::kInt;
  const std::string is = ", is " + (whole ? value.dump() : FormatDouble(number));
  // The limit is not part of the field's description, whose range the last error prints.
  if (std::isinf(field.range.max) && number > range.max)
    return "must be at most " + NumberText(range.max) + is;
  if (field.range.min == 0 && !field.range.above && std::isinf(field.range.max))
    return "must not be negative" + is;
  return "must be " + field.range.Text(whole) + is;
}

std::string WrongWord(const Field& field, const std::string& word) {
  if (std::find(field.choices.begin(), field.choices.end(), word) != field.choices.end()) return "";
  const std::string near = NearestWord(word, field.choices);
  return "expected " + Join(field.choices, " or ") + ", found \"" + Excerpt(word) + "\"" +
         (near.empty() ? "" : "; did you mean " + near + "?");
}

std::string WrongList(const Field& field, const Json& value) {
  const Type element = ElementOf(field.type);
  bool right = value.is_array() &&
               (field.size == 0 || static_cast<int64_t>(value.size()) == field.size);
  if (right && field.type == Type::kChoices) {
    for (const Json& one : value) {
      if (!one.is_string()) return "expected a list of words, found " + Shown(value, true);
      if (std::string wrong = WrongWord(field, one.get<std::string>()); !wrong.empty())
        return wrong;
    }
  }
  const Range range = WithLimit(field.range, element);
  // Every wrong element gives the same message with the whole list, since an index would say less
  // than the list does.
  for (const Json& one : right ? value : Json::array()) {
    right = right && HasType(element, one) && (!one.is_number() || range.Holds(one.get<double>()));
  }
  if (!right) return "expected " + field.Expected() + ", found " + Shown(value, true);
  if (!field.unique) return "";
  for (auto one = value.begin(); one != value.end(); ++one) {
    if (std::find(value.begin(), one, *one) != one) return "names " + Shown(*one, false) + " twice";
  }
  return "";
}

}  // namespace

bool Range::Holds(double value) const {
  return (above ? value > min : value >= min) && (below ? value < max : value <= max);
}

std::string Range::Text(bool whole) const {
  const bool has_min = std::isfinite(min), has_max = std::isfinite(max);
  if (whole && has_min && has_max && !above && !below)
    return "in " + NumberText(min) + " .. " + NumberText(max);
  std::string text;
  if (has_min) text = (above ? "above " : "at least ") + NumberText(min);
  if (has_min && has_max) text += " and ";
  if (has_max) text += (below ? "below " : "at most ") + NumberText(max);
  return text;
}

Field& Field::AtLeast(double least) {
  range.min = least;
  range.above = false;
  return *this;
}
Field& Field::Above(double bound) {
  range.min = bound;
  range.above = true;
  return *this;
}
Field& Field::AtMost(double most) {
  range.max = most;
  range.below = false;
  return *this;
}
Field& Field::Below(double bound) {
  range.max = bound;
  range.below = true;
  return *this;
}
Field& Field::Size(int64_t elements) {
  BRAID_CHECK(elements >= 1 && elements < static_cast<int64_t>(std::size(kCounts)));
  size = elements;
  return *this;
}
Field& Field::Required() {
  required = true;
  return *this;
}
Field& Field::Optional() {
  optional = true;
  return *this;
}
Field& Field::NotEmpty(const char* message) {
  not_empty = message;
  return *this;
}
Field& Field::OneOf(Words words) {
  type = is_list() ? Type::kChoices : Type::kChoice;
  choices = std::move(words);
  return *this;
}
Field& Field::Unique() {
  unique = true;
  return *this;
}
Field& Field::OneOrMore() {
  one_or_more = true;
  return *this;
}
Field& Field::OnlyIf(const char* choice, Words values) {
  only_if_field = choice;
  only_if_values = std::move(values);
  return *this;
}
Field& Field::OmitDefault() {
  omit_default = true;
  return *this;
}
Field& Field::Id(const char* rule) {
  id = rule;
  return *this;
}
Field& Field::DefaultText(const char* text) {
  default_text = text;
  return *this;
}

bool Field::is_list() const {
  return type == Type::kInts || type == Type::kNumbers || type == Type::kTexts ||
         type == Type::kChoices;
}

bool Field::Takes(const Json& value) const {
  switch (type) {
    case Type::kCustom:
      return true;
    case Type::kObject:
    case Type::kSection:
    case Type::kNamedInts:
    case Type::kNamedTexts:
      return value.is_object();
    case Type::kSections:
      return keyed_by_name ? value.is_object() : value.is_array();
    default:
      return is_list() ? value.is_array() || (one_or_more && !value.is_object())
                       : !value.is_structured();
  }
}

std::string Field::Expected() const {
  switch (type) {
    case Type::kBool:
      return "true or false";
    case Type::kInt:
      return "a whole number";
    case Type::kNumber:
      return "a number";
    case Type::kText:
      return "text";
    case Type::kChoice:
      return Join(choices, " or ");
    case Type::kChoices:
      return "a list of " + Join(choices, ", ");
    case Type::kCustom:
      return expected;
    case Type::kNamedInts:
      return "a mapping of names to whole numbers";
    case Type::kNamedTexts:
      return "a mapping of names to texts";
    case Type::kObject:
    case Type::kSection:
      return "a mapping";
    case Type::kSections:
      return "a list of mappings";
    default:
      break;
  }
  const std::string bounds = range.Text(type == Type::kInts);
  return (size > 0 ? std::string(kCounts[size]) + " " : "a list of ") + ElementText(type) +
         (bounds.empty() ? "" : (bounds.starts_with("in") ? " " : " of ") + bounds);
}

std::string Field::Wrong(const Json& value) const {
  if (type == Type::kCustom) return wrong(value);
  if (!not_empty.empty() && (value == Json::array() || IsEmptyText(value))) return not_empty;
  if (is_named_values()) {
    if (!value.is_object()) return "expected " + Expected() + ", found " + Shown(value, false);
    for (const auto& [key, one] : value.items()) {
      if (std::string wrong_one = WrongNamed(one); !wrong_one.empty())
        return key + ": " + wrong_one;
    }
    return "";
  }
  if (is_list()) return WrongList(*this, value);
  if (type == Type::kNumber && IsInfinite(value))
    return "must be finite, is " + Shown(value, false);
  if (type == Type::kChoice && value.is_string()) return WrongWord(*this, value.get<std::string>());
  if (!HasType(type, value)) return "expected " + Expected() + ", found " + Shown(value, false);
  return value.is_number() ? WrongNumber(*this, value) : "";
}

std::string Field::WrongNamed(const Json& value) const {
  Field one;
  one.type = type == Type::kNamedInts ? Type::kInt : Type::kText;
  one.range = range;
  return one.Wrong(value);
}

const Field* Schema::Find(const std::string& field) const {
  for (const Field& one : fields) {
    if (one.name == field) return &one;
  }
  return nullptr;
}

bool Schema::Applies(const Field& field, const void* object) const {
  if (field.only_if_field.empty()) return true;
  const auto value = Find(field.only_if_field)->get(object).get<std::string>();
  return std::find(field.only_if_values.begin(), field.only_if_values.end(), value) !=
         field.only_if_values.end();
}

void ApplyPaper(const Schema& schema, void* object) {
  for (const Field& field : schema.fields) {
    if (field.type == Type::kSection && field.const_section(object) != nullptr)
      ApplyPaper(field.section(), field.mutable_section(object));
    if (!field.paper.is_null()) field.set(object, field.paper);
  }
}

namespace {

// A field of an object of `schema` as a document has it; null: it is left out.
Json Written(const Schema& schema, const Field& field, const void* object, Form form) {
  // Of the forms of a field only that which its value has is written (Builder::Or).
  for (const Field& other : field.forms) {
    if (Json value = Written(schema, other, object, form); !value.is_null()) return value;
  }
  if (field.is_section() && field.const_section(object) == nullptr) return {};
  Json value;
  if (field.type == Type::kSection) {
    value = Write(field.section(), field.const_section(object), form);
    const void* default_value = field.omit_default ? field.const_section(schema.blank.get())
                                                   : nullptr;
    return default_value != nullptr && value == Write(field.section(), default_value, form) ? Json()
                                                                                            : value;
  }
  if (field.type == Type::kSections) {
    value = Json::array();
    for (size_t i = 0; i < field.count(object); ++i)
      value.push_back(Write(field.section(), field.at(object, i), form));
    return field.omit_default && value.empty() ? Json() : value;
  }
  value = field.get(object);
  if (value.is_null() || (field.omit_default && value == schema.Default(field))) return {};
  if (field.one_or_more && value.size() == 1) return value.front();
  return form == Form::kRecipe && field.as_written ? field.as_written(value) : value;
}

}  // namespace

Json Write(const Schema& schema, const void* object, Form form) {
  Json document = Json::object();
  for (const Field& field : schema.fields) {
    if (!schema.Applies(field, object)) continue;
    if (Json value = Written(schema, field, object, form); !value.is_null())
      document[field.name] = std::move(value);
  }
  return document;
}

}  // namespace braid::schema
