// One row of a task's file: named fields, and the place of the row for error messages.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/file_names.h"

namespace braid::trainer {

// A row of a file.
struct Row {
  // An object. Every field of a .tsv file is a text.
  Json fields;
  // File and line, as in "data/CoLA/train.tsv:17".
  std::string place;
  // The columns in bytes, from 1, at which the values of the fields begin.
  std::map<std::string, size_t> columns = {};
};

// The object `value` in the field `name` of a row, as a row; its place names the field, too.
// kInvalidArgument for another value.
Result<Row> RowWithin(const Row& row, const std::string& name, const Json& value);

// How a .tsv file is split into fields. As in the official files, fields are never quoted.
struct TsvFormat {
  // Names of the columns of a file whose first line does not name them (CoLA); else empty.
  std::vector<std::string> columns;
  // Rows with too few fields are skipped, which QQP has a few of, instead of being an error.
  bool skip_short_rows = false;
};

// Calls `use` with every row of a .tsv or .jsonl file, which may be compressed (gzip, zstd), and
// stops at its first error. Blank lines are skipped. A value that is not valid JSON (NaN) is an
// error only for a caller that asks for its field (corpus/row.h). kInvalidArgument, with the place,
// for a row with another number of fields than the columns, or a line that is no JSON object.
Status ReadRows(const corpus::CorpusFile& file, const TsvFormat& format,
                const std::function<Status(const Row&)>& use);

// The text of the first of `names` that the row has; kInvalidArgument, listing the row's fields, if
// it has none.
Result<std::string> TextOf(const Row& row, const std::vector<std::string>& names);
// The number in the first such field: a JSON number, or text that is one.
Result<double> NumberOf(const Row& row, const std::vector<std::string>& names);
// The class in the first such field: a name in `labels`, its index as a number, or true (1) and
// false (0).
Result<int32_t> ClassOf(const Row& row, const std::vector<std::string>& names,
                        const std::vector<std::string>& labels);

}  // namespace braid::trainer
