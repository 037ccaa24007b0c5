// Lists of things as commands print them: in columns, as comma-separated values, as names, JSON or
// YAML; sorted, with chosen columns, once or again and again.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// What is shown in one column of a row, and by which number it is sorted; without one by its text.
struct Cell {
  std::string text;
  std::optional<double> number;

  Cell(std::string shown) : text(std::move(shown)) {}  // NOLINT
  Cell(const char* shown) : text(shown) {}             // NOLINT
  Cell(std::string shown, double sorted_by) : text(std::move(shown)), number(sorted_by) {}
};
Cell CountCell(int64_t count);
Cell BytesCell(int64_t bytes);
// How long ago a time was, in milliseconds since 1970; "-" of 0, which is sorted last.
Cell AgeCell(int64_t wall_ms);

struct List {
  struct Row {
    std::string name;  // of -o name
    std::vector<Cell> cells;
  };
  std::vector<std::string> header;
  std::vector<Row> rows;  // as long as the header
  std::string json;       // all that is known, as a JSON document
  // Lines for standard error, below the columns.
  std::vector<std::string> notes;
};

// --sort, --reverse, --columns and --watch.
struct ListOptions {
  std::string sort;
  bool reverse = false;
  std::vector<std::string> columns;
  bool watch = false;
};

// The list as `globals.output` says. kInvalidArgument for a column that it does not have, with the
// nearest, and for options that do nothing to this form: JSON and YAML have everything in the order
// of the server.
Result<std::string> Render(const Globals& globals, const ListOptions& options, List list);

// Fetches a list and prints it. With `options.watch` again every two seconds, until the first error
// or until nobody reads any more: in the place of the last on a terminal, elsewhere only if it has
// changed.
Result<int> ShowList(const Globals& globals, const ListOptions& options,
                     const std::function<Result<List>()>& fetch);

}  // namespace braid::cli
