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

// A field that was asked for: which of the names it has, its value, and " (column 12)".
struct Field {
  std::string name;
  const Json* value = nullptr;
  std::string column;
};

std::string ColumnIn(const Row& row, const std::string& field) {
  const auto column = row.columns.find(field);
  return corpus::InColumn(column == row.columns.end() ? 0 : column->second);
}

Result<Field> FieldOf(const Row& row, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const auto found = row.fields.find(name); found != row.fields.end())
      return Field{name, &*found, ColumnIn(row, name)};
  }
  std::vector<std::string> there;
  for (const auto& [name, value] : row.fields.items()) there.push_back(name);
  return InvalidArgument(row.place + ": no field " + Join(names, " or ") + "; the row has " +
                         Excerpt(Join(there, ", "), kListedNames));
}

Status ReadTsv(const corpus::CorpusFile& file, const TsvFormat& format,
               const std::function<Status(const Row&)>& use) {
  std::vector<std::string> columns = format.columns;
  return corpus::ReadLines(file.path, [&](std::string_view line, int64_t number) -> Status {
    // MRPC's official files begin with a byte order mark.
    if (number == 1 && line.starts_with(kByteOrderMark))
      line.remove_prefix(kByteOrderMark.size());  // MRPC's files
    if (line.find_first_not_of(' ') == std::string_view::npos) return OkStatus();
    std::vector<std::string> fields = Split(line, '\t');
    if (columns.empty()) {
      columns = std::move(fields);
      return OkStatus();
    }
    Row row{Json::object(), file.name + ":" + std::to_string(number)};
    if (fields.size() != columns.size()) {
      if (format.skip_short_rows && fields.size() < columns.size()) return OkStatus();
      return InvalidArgument(Format("%s: %zu fields, but the file has %zu columns (%s)",
                                    row.place.c_str(), fields.size(), columns.size(),
                                    Excerpt(Join(columns, ", "), kListedNames).c_str()));
    }
    size_t begin = 1;
    for (size_t i = 0; i < columns.size(); ++i) {
      row.columns[columns[i]] = begin;
      begin += fields[i].size() + 1;
      row.fields[columns[i]] = std::move(fields[i]);
    }
    return use(row);
  });
}

Status ReadJsonLines(const corpus::CorpusFile& file, const std::function<Status(const Row&)>& use) {
  return corpus::ReadLines(file.path, [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty()) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(const corpus::Row parsed,
                           corpus::Row::Parse(line, file.name + ":" + std::to_string(number)));
    Row row{parsed.Lenient(), parsed.place()};
    for (const std::string& name : parsed.fields()) row.columns[name] = parsed.Column(name);
    return use(row);
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

Status ReadRows(const corpus::CorpusFile& file, const TsvFormat& format,
                const std::function<Status(const Row&)>& use) {
  bool rows = true;
  if (IsTsv(file.path)) {
    const Result<bool> object = BeginsWithAnObject(file.path);
    if (!object.ok()) return corpus::WithName(object.status(), file);
    rows = *object;
  }
  return corpus::WithName(rows ? ReadJsonLines(file, use) : ReadTsv(file, format, use), file);
}

Result<Row> RowWithin(const Row& row, const std::string& name, const Json& value) {
  const std::string place = row.place + ": field " + name + ColumnIn(row, name);
  if (!value.is_object()) return InvalidArgument(place + " must be an object");
  return Row{value, place};
}

Result<std::string> TextOf(const Row& row, const std::vector<std::string>& names) {
  BRAID_ASSIGN_OR_RETURN(const Field field, FieldOf(row, names));
  if (!field.value->is_string()) {
    return InvalidArgument(row.place + ": field " + field.name + " is " +
                           corpus::ShownValue(*field.value) + ", but must be text" + field.column);
  }
  return field.value->get<std::string>();
}

Result<double> NumberOf(const Row& row, const std::vector<std::string>& names) {
  BRAID_ASSIGN_OR_RETURN(const Field field, FieldOf(row, names));
  if (field.value->is_number()) return field.value->get<double>();
  if (field.value->is_string()) {
    if (const Result<double> number = ParseDouble(field.value->get_ref<const std::string&>());
        number.ok() && std::isfinite(*number))
      return *number;
  }
  return InvalidArgument(row.place + ": field " + field.name + " is " +
                         corpus::ShownValue(*field.value) + ", but must be a number" +
                         field.column);
}

Result<int32_t> ClassOf(const Row& row, const std::vector<std::string>& names,
                        const std::vector<std::string>& labels) {
  BRAID_ASSIGN_OR_RETURN(const Field field, FieldOf(row, names));
  const Json* value = field.value;
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
                           Join(labels, ", ") + field.column +
                           "; files of a test set without labels cannot be used");
  }
  return static_cast<int32_t>(index);
}

}  // namespace braid::trainer
