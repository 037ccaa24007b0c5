#include "trainer/eval/glue/example.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "corpus/lines.h"
#include "corpus/row.h"

namespace braid::trainer {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsTsv(std::string_view path) {
  std::string name(BaseName(path));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.find(".tsv") != std::string::npos;
}

// Bytes of a list of names in a message; a file that is no table may have a "column" of any length.
constexpr size_t kListedNames = 400;

Result<const Json*> FieldOf(const Row& row, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const auto found = row.fields.find(name); found != row.fields.end()) return &*found;
  }
  std::vector<std::string> there;
  for (const auto& [name, value] : row.fields.items()) there.push_back(name);
  return InvalidArgument(row.place + ": no field " + Join(names, " or ") + "; the row has " +
                         Excerpt(Join(there, ", "), kListedNames));
}

Status ReadTsv(const std::string& path, const TsvFormat& format,
               const std::function<Status(const Row&)>& use) {
  std::vector<std::string> columns = format.columns;
  return corpus::ReadLines(path, [&](std::string_view line, int64_t number) -> Status {
    // MRPC's official files begin with a byte order mark.
    if (number == 1 && line.starts_with(kByteOrderMark))
      line.remove_prefix(kByteOrderMark.size());  // MRPC's files
    if (line.find_first_not_of(' ') == std::string_view::npos) return OkStatus();
    std::vector<std::string> fields = Split(line, '\t');
    if (columns.empty()) {
      columns = std::move(fields);
      return OkStatus();
    }
    Row row{Json::object(), path + ":" + std::to_string(number)};
    if (fields.size() != columns.size()) {
      if (format.skip_short_rows && fields.size() < columns.size()) return OkStatus();
      return InvalidArgument(Format("%s: %zu fields, but the file has %zu columns (%s)",
                                    row.place.c_str(), fields.size(), columns.size(),
                                    Excerpt(Join(columns, ", "), kListedNames).c_str()));
    }
    for (size_t i = 0; i < columns.size(); ++i) row.fields[columns[i]] = fields[i];
    return use(row);
  });
}

Status ReadJsonLines(const std::string& path, const std::function<Status(const Row&)>& use) {
  return corpus::ReadLines(path, [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty()) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(const corpus::Row row,
                           corpus::Row::Parse(line, path + ":" + std::to_string(number)));
    return use({row.Lenient(), row.place()});
  });
}

// Whether the first line that is not blank is a JSON object. The contents decide about the format,
// and not the name of the file.
Result<bool> BeginsWithAnObject(const std::string& path) {
  bool object = false;
  const Status read = corpus::ReadLines(path, [&](std::string_view line, int64_t) {
    if (Trim(line).empty()) return OkStatus();
    object = corpus::Row::Parse(line, path).ok();
    return Cancelled("the first line is enough");
  });
  return read.ok() || read.code() == StatusCode::kCancelled ? Result<bool>(object) : read;
}

}  // namespace

Status ReadRows(const std::string& path, const TsvFormat& format,
                const std::function<Status(const Row&)>& use) {
  if (!IsTsv(path)) return ReadJsonLines(path, use);
  BRAID_ASSIGN_OR_RETURN(const bool rows, BeginsWithAnObject(path));
  return rows ? ReadJsonLines(path, use) : ReadTsv(path, format, use);
}

Result<std::string> TextOf(const Row& row, const std::vector<std::string>& names) {
  BRAID_ASSIGN_OR_RETURN(const Json* value, FieldOf(row, names));
  if (!value->is_string()) {
    return InvalidArgument(row.place + ": field " + Join(names, " or ") + " is " +
                           corpus::ShownValue(*value) + ", but must be text");
  }
  return value->get<std::string>();
}

Result<double> NumberOf(const Row& row, const std::vector<std::string>& names) {
  BRAID_ASSIGN_OR_RETURN(const Json* value, FieldOf(row, names));
  if (value->is_number()) return value->get<double>();
  if (value->is_string()) {
    if (const Result<double> number = ParseDouble(value->get_ref<const std::string&>());
        number.ok() && std::isfinite(*number))
      return *number;
  }
  return InvalidArgument(row.place + ": field " + Join(names, " or ") + " is " +
                         corpus::ShownValue(*value) + ", but must be a number");
}

Result<int32_t> ClassOf(const Row& row, const std::vector<std::string>& names,
                        const std::vector<std::string>& labels) {
  BRAID_ASSIGN_OR_RETURN(const Json* value, FieldOf(row, names));
  int64_t index = -1;
  if (value->is_boolean()) {
    index = value->get<bool>() ? 1 : 0;
  } else if (value->is_number_integer()) {
    index = value->get<int64_t>();
  } else if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    // A name of a class comes first; any other text must be the number of one.
    if (const auto named = std::find(labels.begin(), labels.end(), text); named != labels.end()) {
      index = named - labels.begin();
    } else if (const Result<int64_t> number = ParseInt(text); number.ok()) {
      index = *number;
    }
  }
  if (index < 0 || index >= static_cast<int64_t>(labels.size())) {
    return InvalidArgument(row.place + ": label " + corpus::ShownValue(*value) + " is none of " +
                           Join(labels, ", ") +
                           "; files of a test set without labels cannot be used");
  }
  return static_cast<int32_t>(index);
}

}  // namespace braid::trainer
