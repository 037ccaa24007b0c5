// One line of a JSON lines file, read for the fields that are asked for. What stands in the others
// is passed over: a NaN, a number with too many digits or half of a character in a field that
// nobody reads harms nobody.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

class Row {
 public:
  // `line` must outlive the row. `place` is "rows.jsonl:7", for errors. A line that is no JSON
  // object as a whole is kInvalidArgument, with the column (the first byte is 1).
  static Result<Row> Parse(std::string_view line, std::string place);

  const std::string& place() const { return place_; }
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // The value of a field. A field that is missing (the error lists those that are there), appears
  // twice, or is not valid JSON is kInvalidArgument with place, field and column.
  Result<Json> Read(std::string_view name) const;
  // The text of a field; something else is kInvalidArgument too.
  Result<std::string> ReadText(std::string_view name) const;
  // Names of the fields, as a message shows them.
  std::string Names() const;
  // All fields. What is not valid JSON in it (NaN, 007) is there as it is written, as a binary
  // value.
  Json Lenient() const;

 private:
  struct Field {
    std::string name;
    std::string_view value;  // as it is written
    size_t column = 1;
  };

  explicit Row(std::string place) : place_(std::move(place)) {}
  const Field* Find(std::string_view name) const;
  Result<Json> Value(const Field& field) const;

  std::string place_;
  std::vector<Field> fields_;
};

// A value of Row::Lenient or of Row::Read as a message shows it.
std::string ShownValue(const Json& value);

}  // namespace braid::corpus
