#include "cli/shared/list.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "base/text.h"
#include "cli/shared/exit_code.h"
#include "cli/shared/print.h"
#include "cli/shared/yaml.h"

namespace braid::cli {
namespace {

constexpr std::chrono::seconds kWatchEvery{2};

std::string Upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// The place of a column, whose name may be in small letters.
Result<size_t> ColumnOf(const char* option, const List& list, const std::string& name) {
  const auto found = std::find(list.header.begin(), list.header.end(), Upper(name));
  if (found != list.header.end()) return static_cast<size_t>(found - list.header.begin());
  const std::string near = NearestWord(Upper(name), list.header);
  return InvalidArgument(std::string(option) + ": there is no column \"" + name + "\"; " +
                         (near.empty() ? "there are " : "did you mean " + near + "? There are ") +
                         Join(list.header, ", "));
}

// Cells without a number come last, whatever the order of the others.
void Sort(size_t column, bool reverse, List* list) {
  const bool numbers = std::any_of(list->rows.begin(), list->rows.end(), [&](const List::Row& row) {
    return row.cells[column].number.has_value();
  });
  std::stable_sort(list->rows.begin(), list->rows.end(),
                   [&](const List::Row& left, const List::Row& right) {
                     const Cell &a = left.cells[column], &b = right.cells[column];
                     if (a.number.has_value() != b.number.has_value()) return a.number.has_value();
                     if (numbers) return reverse ? b.number < a.number : a.number < b.number;
                     return reverse ? b.text < a.text : a.text < b.text;
                   });
}

// Whether the program that standard output goes to has ended or closed it.
bool NobodyReads() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

// What stands between a list and the next of it.
const char* Separator(const Globals& globals) {
  if (globals.output == "yaml") return "---\n";
  return globals.output == "table" ? "\n" : "";
}

// A reader of comma-separated values would take a second header for a row. `text` must live on.
const char* WithoutRepeatedHeader(const Globals& globals, const std::string& text) {
  const bool has = globals.output == "csv" && !globals.no_header;
  return text.c_str() + (has ? text.find('\n') + 1 : 0);
}

Status CheckOptions(const Globals& globals, const ListOptions& options) {
  if (!options.sort.empty() && globals.json()) {
    return InvalidArgument("--sort: -o " + globals.output +
                           " prints the whole document in the server's order; sort what you read, "
                           "or take -o table");
  }
  if (!options.columns.empty() && globals.output != "table" && globals.output != "csv") {
    return InvalidArgument("--columns: -o " + globals.output +
                           " has no columns; take -o table or -o csv");
  }
  if (options.reverse && options.sort.empty())
    return InvalidArgument("--reverse turns the order of --sort round: give --sort COLUMN, too");
  return OkStatus();
}

}  // namespace

Cell CountCell(int64_t count) {
  return {std::to_string(count), static_cast<double>(count)};
}
Cell BytesCell(int64_t bytes) {
  return {FormatBytes(bytes), static_cast<double>(bytes)};
}
Cell AgeCell(int64_t wall_ms) {
  if (wall_ms == 0) return {Ago(wall_ms)};
  return {Ago(wall_ms), -static_cast<double>(wall_ms)};
}

Result<std::string> Render(const Globals& globals, const ListOptions& options, List list) {
  BRAID_RETURN_IF_ERROR(CheckOptions(globals, options));
  if (globals.output == "yaml") return YamlOf(list.json);
  if (globals.json()) return list.json;
  if (!options.sort.empty()) {
    BRAID_ASSIGN_OR_RETURN(const size_t column, ColumnOf("--sort", list, options.sort));
    Sort(column, options.reverse, &list);
  }
  if (globals.output == "name") {
    std::string names;
    for (const List::Row& row : list.rows) names += row.name + "\n";
    return names;
  }
  std::vector<size_t> shown;
  for (const std::string& name : options.columns) {
    BRAID_ASSIGN_OR_RETURN(const size_t column, ColumnOf("--columns", list, name));
    shown.push_back(column);
  }
  for (size_t i = 0; options.columns.empty() && i < list.header.size(); ++i) shown.push_back(i);
  std::vector<std::string> header;
  for (const size_t column : shown) header.push_back(list.header[column]);
  std::vector<std::vector<std::string>> rows;
  for (const List::Row& row : list.rows) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const size_t column : shown) cells.push_back(row.cells[column].text);
  }
  return TableText(globals, header, rows);
}

Result<int> ShowList(const Globals& globals, const ListOptions& options,
                     const std::function<Result<List>()>& fetch) {
  BRAID_RETURN_IF_ERROR(CheckOptions(globals, options));
  const bool screen = options.watch && isatty(STDOUT_FILENO) != 0;
  std::string last;
  for (bool first = true;; first = false) {
    BRAID_ASSIGN_OR_RETURN(List list, fetch());
    std::string notes;
    for (const std::string& note : list.notes) notes += note + "\n";
    BRAID_ASSIGN_OR_RETURN(const std::string text, Render(globals, options, std::move(list)));
    if (screen) std::fputs("\033[H\033[2J", stdout);
    if (screen || first || text != last) {
      if (!first && !screen) std::fputs(Separator(globals), stdout);
      std::fputs(first || screen ? text.c_str() : WithoutRepeatedHeader(globals, text), stdout);
      if (globals.output == "table") std::fputs(notes.c_str(), stderr);
    }
    last = text;
    if (std::fflush(stdout) != 0 && errno != EPIPE)
      return Unavailable("standard output: " + std::string(std::strerror(errno)));
    if (!options.watch || NobodyReads()) return kOkExit;
    std::this_thread::sleep_for(kWatchEvery);
  }
}

}  // namespace braid::cli
