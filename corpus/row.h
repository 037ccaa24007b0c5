// One line of a JSON lines file, of which only the fields that are asked for are parsed. Values of
// other fields are skipped: NaN, a number with too many digits or half of a surrogate pair in a
// field that nobody reads does no harm.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// A parsed line. Refers to the line's text, which must outlive it.
class Row {
 public:
  // Finds the fields of a line. `place` ("rows.jsonl:7") names it in errors. A line that is not one
  // JSON object is kInvalidArgument with the column in bytes, from 1.
  static Result<Row> Parse(std::string_view line, std::string place);

  // The place given to Parse.
  const std::string& place() const { return place_; }
  // True iff the row has the field. A name may also be the way to a value within a field, such as
  // "answer.parts[0]" (field_path.h), unless the row has a field of that very name.
  bool Has(std::string_view name) const;
  // True if the row's own field of this name is written as null.
  bool IsNull(std::string_view name) const {
    const Field* field = Find(name);
    return field != nullptr && field->value == "null";
  }
  // The value of a field. kInvalidArgument with place, field and column if the field is missing
  // (the error lists the fields that exist), appears twice, or is not valid JSON.
  Result<Json> Read(std::string_view name) const;
  // The text of a field; another type is kInvalidArgument too.
  Result<std::string> ReadText(std::string_view name) const;
  // The column in bytes, from 1, at which the value of the field in which `name` begins stands; 0
  // if the row has no such field.
  size_t Column(std::string_view name) const;
  // The names of all fields, in their order.
  std::vector<std::string> fields() const;
  // The names of the fields, shortened for messages.
  std::string Names() const;
  // All fields. A value that is not valid JSON (NaN, 007) is a binary value with its text.
  Json Lenient() const;

 private:
  // A field of the object in the line, with the column at which its value begins.
  struct Field {
    std::string name;
    // As written in the line.
    std::string_view value;
    size_t column = 1;
  };

  explicit Row(std::string place) : place_(std::move(place)) {}
  // The value of a field of the row itself, once it is known to be there once.
  Result<Json> ReadOwn(const Field& field) const;
  // Null if the object has no such field.
  const Field* Find(std::string_view name) const;
  // Parses the value; the error names the place.
  Result<Json> Value(const Field& field) const;

  std::string place_;
  std::vector<Field> fields_;
};

// " (column 12)" for the end of a message; nothing for column 0, which is unknown.
std::string InColumn(size_t column);

// A value of Lenient or Read in the form of messages.
std::string ShownValue(const Json& value);

}  // namespace braid::corpus
