// The description of one field of a settings struct: its name, type, range or choices, defaults and
// one sentence of meaning, and functions that read and write the member.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "schema/words.h"

namespace braid::schema {

// The largest value of a whole number whose field declares no maximum: exact as a double, and with
// room for sums and for products with small factors in int64_t.
inline constexpr int64_t kMaxInteger = int64_t{1} << 50;

// How the value of a field is written in a document.
enum class Type {
  kBool,
  kInt,
  // A finite number.
  kNumber,
  kText,
  // One word out of Field::choices.
  kChoice,
  // Lists of values of the types above.
  kInts,
  kNumbers,
  kTexts,
  kChoices,
  kNamedInts,  // mappings of names to values
  kNamedTexts,
  kObject,    // any mapping; its fields are checked elsewhere (model::FromJson)
  kCustom,    // read by a function of its own
  kSection,   // a struct with fields
  kSections,  // a list of them, or a mapping of names to them
};

// The bounds of a number, or of each number of a list.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // The range is open at `min`: the value must be larger.
  bool above = false;
  // The range is open at `max`: the value must be smaller.
  bool below = false;

  // True iff `value` is in the range.
  bool Holds(double value) const;
  // The range in words: "at least 1", "above 0 and at most 1", "in 1 .. 64" (for whole numbers
  // alone); empty if there are no bounds.
  std::string Text(bool whole) const;
};

class Schema;

// The description of one field. Made by Builder (schema/builder.h), refined by the functions below
// that return Field&. Functions that take a `const void*` or `void*` take an object of the struct
// that has the field.
struct Field {
  std::string name;
  Type type = Type::kCustom;
  // One sentence for the documents; ends with a period.
  std::string meaning;
  // Bounds of numbers, and of the numbers of a list.
  Range range;
  // The words of kChoice and kChoices.
  Words choices;
  // Of lists: the exact number of elements, at most 4; 0: any number.
  int64_t size = 0;
  // Absence from the document is an error.
  bool required = false;
  // The member is a std::optional: absence means nullopt, and nullopt is not written.
  bool optional = false;
  // Not written while it has its default, nor listed by `braid plan` while that is 0, empty or
  // false.
  bool omit_default = false;
  // Of kSections: the document has a mapping of names to sections instead of a list.
  bool keyed_by_name = false;
  // Of lists: no element twice.
  bool unique = false;
  // Of lists: a list of one element is written as that element, and read so.
  bool one_or_more = false;
  // As the struct's member initializer has it; null: none.
  Json default_value;
  // The default under `compat: paper`; null: the same as under `fixed`.
  Json paper;
  // The name of the rule in the paper, "T1"; empty: none.
  std::string id;
  // Of lists and texts: the error for an empty value; empty: an empty value is allowed.
  std::string not_empty;
  // The name of another field, before this one, that must have one of `only_if_values`; empty: the
  // field always has a meaning.
  std::string only_if_field;
  Words only_if_values;
  // The text that documents show for a default that is computed.
  std::string default_text;
  // Of kCustom: the type in words, such as "true, false or a number of steps".
  std::string expected;
  // Of kCustom: the JSON Schema of its values; null: any value.
  Json custom_schema;

  // Returns the field's value in an object of the struct, as JSON; null if it is optional and
  // absent.
  std::function<Json(const void*)> get;
  // Stores a value in an object of the struct. REQUIRES: Wrong(value) is empty.
  std::function<void(void*, const Json&)> set;
  // Gives the object its default where that depends on fields before this one; null: it does not.
  std::function<void(void*)> fill;
  // Of kCustom: returns the error of a value; empty: the value is right.
  std::function<std::string(const Json&)> wrong;
  // Converts a value from the form of task files to that of recipes, if the two differ; else null.
  std::function<Json(const Json&)> as_written;
  // Other shapes that the value may have in a document, each held by a member of its own: two
  // numbers where the field is a word, a word where it is a list (Builder::Or).
  std::vector<Field> forms;

  // Only of kSection and kSections. Returns the description of the inner struct.
  const Schema& (*section)() = nullptr;
  // Returns the inner object, or for kSections the std::vector of them. An optional one that is
  // absent is made.
  std::function<void*(void*)> mutable_section;
  // The same for reading; null if it is optional and absent.
  std::function<const void*(const void*)> const_section;

  // Only of kSections: the number of inner objects, the one at an index, and a new one at the end.
  std::function<size_t(const void*)> count;
  std::function<const void*(const void*, size_t)> at;
  std::function<void*(void*)> append;

  // All of these return the field itself, so that a line of a schema reads as one sentence.
  // AtLeast, Above, AtMost and Below set the bounds of a number or of each number of a list.
  Field& AtLeast(double least);
  Field& Above(double bound);
  Field& AtMost(double most);
  Field& Below(double bound);
  // Of lists: the exact number of elements. REQUIRES: 1 .. 4, for which messages have words.
  Field& Size(int64_t elements);
  // The document must have the field.
  Field& Required();
  // The member is a std::optional that is nullopt where the document does not have the field.
  Field& Optional();
  // Of lists: an empty list is an error with this message.
  Field& NotEmpty(const char* message);
  // Of text: the words that are allowed. An enum is better wherever code compares the value.
  Field& OneOf(Words words);
  // Of lists: no element twice.
  Field& Unique();
  // Of lists: one element stands for a list of it, in every document.
  Field& OneOrMore();
  // Not written while it has its default.
  Field& OmitDefault();
  // The name of the paper's rule for this field.
  Field& Id(const char* rule);
  // The text that documents show for a default that is computed.
  Field& DefaultText(const char* text);
  // The default, where it depends on fields before this one.
  template <class T>
  Field& Fill(void (*from)(T*)) {
    fill = [from](void* object) { from(static_cast<T*>(object)); };
    return *this;
  }
  // The field has a meaning only while the field `choice`, which is declared before it, has one of
  // these values. Otherwise a document that has it is refused, and it is not written.
  Field& OnlyIf(const char* choice, Words values);
  template <class... E>
  Field& OnlyIf(const char* choice, E... values) {
    only_if_field = choice;
    if constexpr ((std::is_enum_v<E> && ...)) {
      only_if_values = {NameOf(values)...};
    } else {
      only_if_values = {values...};
    }
    return *this;
  }
  // The default under `compat: paper`.
  template <class V>
  Field& Paper(V value) {
    if constexpr (std::is_enum_v<V>) {
      paper = NameOf(value);
    } else {
      paper = value;
    }
    return *this;
  }

  // True for the types kInts, kNumbers, kTexts and kChoices.
  bool is_list() const;
  bool is_named_values() const { return type == Type::kNamedInts || type == Type::kNamedTexts; }
  // Whether a value has the shape of this field's type: a single value, a list or a mapping.
  bool Takes(const Json& value) const;
  bool is_section() const { return type == Type::kSection || type == Type::kSections; }
  // The type in words for errors: "a whole number", "ignore or copy_input", "two numbers of at
  // least 0 and below 1".
  std::string Expected() const;
  // What is wrong with a value of a document: "expected a number, found \"fast\"", "must be above
  // 0, is -1". Empty if the value is right. Not for sections.
  std::string Wrong(const Json& value) const;
  // The same of one value of a mapping of names to values.
  std::string WrongNamed(const Json& value) const;
};

}  // namespace braid::schema
