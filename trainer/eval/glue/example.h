// One row of a task file: named fields, and where it stands.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::trainer {

struct Row {
  Json fields;        // an object; every field of a tsv file is text
  std::string place;  // "/data/CoLA/train.tsv:17"
};

// How a .tsv file is cut. Fields are never quoted, as the official files have them.
struct TsvFormat {
  std::vector<std::string> columns;  // names of the columns of a file without a first line of names
                                     // (CoLA); else empty
  bool skip_short_rows = false;      // rows with too few fields are passed over (a few of QQP's)
                                     // instead of an error
};

// Calls `use` with every row of a .tsv or .jsonl file, which may be compressed (gzip, zstd). Blank
// lines are passed over. What is not valid JSON in a row (NaN) harms only who asks for that field
// (corpus/row.h). Stops at its first error. A row with another number of fields than the file's
// columns and a line that is no JSON object are kInvalidArgument, with the place.
Status ReadRows(const std::string& path, const TsvFormat& format,
                const std::function<Status(const Row&)>& use);

// The text of the first of `names` that the row has; else kInvalidArgument that lists what it has.
Result<std::string> TextOf(const Row& row, const std::vector<std::string>& names);
// The number of such a field: a JSON number, or text that is one.
Result<double> NumberOf(const Row& row, const std::vector<std::string>& names);
// The class that such a field says: one of `labels` by its name, or a place in them as a number or
// as true (1) and false (0).
Result<int32_t> ClassOf(const Row& row, const std::vector<std::string>& names,
                        const std::vector<std::string>& labels);

}  // namespace braid::trainer
