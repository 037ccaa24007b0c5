#include "corpus/columnar.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "corpus/chat.h"
#include "corpus/field_path.h"
#include "corpus/field_values.h"
#include "corpus/foreign.h"
#include "corpus/row.h"

namespace braid::corpus {
namespace {

using std::literals::operator""sv;

constexpr size_t kListedColumns = 12;
constexpr size_t kListedColumn = 40;
// Rows from which the size of all is estimated.
constexpr int64_t kSampledRows = 200;
constexpr double kSampledBytes = 4e6;

const char* NameOf(ColumnarFormat format) {
  return format == ColumnarFormat::kParquet ? "Parquet" : "Arrow";
}

// A field that the spec names, and where its value is found.
struct NamedColumn {
  std::string name;
  // Its place among the columns that are read.
  size_t column = 0;
  // The way to a value within a field; without steps beyond the first: the column itself.
  FieldPath path;
  bool nested = false;
};

// The columns of a file that documents are made of, and of messages what writes them.
struct Selection {
  std::vector<size_t> columns;
  std::vector<NamedColumn> fields;
  std::optional<ChatWriter> chat;
};

// Of a chat without a field all that may hold the messages.
std::vector<std::string> FieldNames(const CorpusSpec& spec,
                                    const std::vector<std::string>& columns) {
  if (!spec.join.empty()) return spec.join;
  if (spec.chat) {
    const auto has = [&columns](const std::string& name) {
      return std::find(columns.begin(), columns.end(), name) != columns.end();
    };
    if (spec.chat->field.empty() && has("messages") && has("conversations"))
      return {"messages", "conversations"};
    return {MessagesField(*spec.chat, has)};
  }
  return {!spec.input_ids.empty() ? spec.input_ids : !spec.text.empty() ? spec.text : "text"};
}

std::string ShownColumns(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(names.size(), kListedColumns); ++i)
    shown.push_back(Excerpt(names[i], kListedColumn));
  if (names.size() > kListedColumns)
    shown.push_back(Format("and %zu more", names.size() - kListedColumns));
  return shown.empty() ? "none" : Join(shown, ", ");
}

Result<Selection> Select(const CorpusSpec& spec, const CorpusFile& file,
                         const std::vector<std::string>& columns) {
  Selection selection;
  if (spec.chat) selection.chat.emplace(*spec.chat, spec.name);
  for (const std::string& name : FieldNames(spec, columns)) {
    NamedColumn field{.name = name, .path = FieldPath(name)};
    // A column of the very name comes before the way into another one.
    auto at = std::find(columns.begin(), columns.end(), name);
    if (at == columns.end() && field.path.steps().size() > 1) {
      at = std::find(columns.begin(), columns.end(), field.path.front());
      field.nested = true;
    }
    if (at == columns.end()) {
      return InvalidArgument(file.name + ": the table has no column \"" +
                             Excerpt(field.nested ? field.path.front() : name, kListedColumn) +
                             "\"; it has " + ShownColumns(columns) + " (corpora." + spec.name +
                             (!spec.join.empty()        ? ".join"
                              : spec.chat               ? ".chat.field"
                              : !spec.input_ids.empty() ? ".input_ids"
                                                        : ".text") +
                             " names it)");
    }
    if (std::find(at + 1, columns.end(), *at) != columns.end()) {
      return InvalidArgument(file.name + ": the column \"" + Excerpt(*at, kListedColumn) +
                             "\" appears twice");
    }
    const auto place = static_cast<size_t>(at - columns.begin());
    auto& read = selection.columns;
    field.column = static_cast<size_t>(std::find(read.begin(), read.end(), place) - read.begin());
    if (field.column == read.size()) read.push_back(place);
    selection.fields.push_back(std::move(field));
  }
  return selection;
}

// A text may be so large that each copy of it counts.
Status AddText(const Json& value, const NamedColumn& field, const std::string& place,
               std::string* all) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMostText - std::min(kMostText, all->size()))
      return InvalidArgument(place + ": a document above 256 MiB");
    *all += text;
    return OkStatus();
  }
  return InvalidArgument(place + ": field \"" + Excerpt(field.name, kListedColumn) +
                         "\" is not text, but " + ShownValue(value));
}

Result<Document> DocumentOf(const CorpusSpec& spec, const Selection& selection,
                            const std::vector<Json>& values, const std::string& place,
                            int64_t id_limit) {
  Document document;
  for (size_t i = 0; i < selection.fields.size(); ++i) {
    const NamedColumn& field = selection.fields[i];
    const Json* value = &values[field.column];
    Json inside;
    if (field.nested) {
      BRAID_ASSIGN_OR_RETURN(inside, field.path.Follow(*value, place));
      value = &inside;
    }
    // The other column may hold what is null here.
    if (selection.chat && value->is_null() && i + 1 < selection.fields.size()) continue;
    if (selection.chat) return selection.chat->Write(*value, place, field.name);
    if (!spec.input_ids.empty()) {
      BRAID_ASSIGN_OR_RETURN(document.ids, IdsOfValue(*value, place, field.name, id_limit));
      return document;
    }
    if (i > 0) document.text += spec.joiner;
    BRAID_RETURN_IF_ERROR(AddText(*value, field, place, &document.text));
  }
  return document;
}

}  // namespace

std::optional<ColumnarFormat> ColumnarFormatOf(std::string_view head) {
  if (LooksLikeText(head)) return std::nullopt;
  if (head.starts_with("PAR1"sv)) return ColumnarFormat::kParquet;
  if (head.starts_with("ARROW1\0\0"sv)) return ColumnarFormat::kArrowFile;
  // A message begins with this mark and the length of its description, four bytes each.
  if (head.size() > 8 && head.starts_with("\xFF\xFF\xFF\xFF"sv) && (head[7] & 0xF0) == 0)
    return ColumnarFormat::kArrowStream;
  return std::nullopt;
}

std::optional<ColumnarFormat> ColumnarFormatOfFile(const std::string& path) {
  std::string head;
  (void)ReadFileInPieces(path, kForeignBytes, [&](std::string_view piece) {
    head += piece;
    return head.size() < kForeignBytes ? OkStatus() : Cancelled("the first bytes are enough");
  });
  return ColumnarFormatOf(std::string_view(head).substr(0, kForeignBytes));
}

Result<std::unique_ptr<ColumnarTable>> OpenColumnar(const CorpusFile& file, ColumnarFormat format) {
  const Result<const ColumnarFunctions*> plugin = LoadColumnarPlugin();
  if (plugin.ok()) return (*plugin)->open(file.path, format);
  const Status& missing = plugin.status();
  return Status(missing.code(), missing.reason(),
                file.name + ": this file is " + NameOf(format) + ", and " + missing.message() +
                    ": convert it to JSON lines (Python: datasets.Dataset.from_" +
                    (format == ColumnarFormat::kParquet ? "parquet" : "file") +
                    "(FILE).to_json(\"rows.jsonl\"))");
}

Status ReadColumnar(const CorpusSpec& spec, const CorpusFile& file, ColumnarFormat format,
                    int64_t id_limit, const std::function<Status(Result<Document>)>& use) {
  BRAID_ASSIGN_OR_RETURN(const auto table, OpenColumnar(file, format));
  BRAID_ASSIGN_OR_RETURN(const Selection selection, Select(spec, file, table->Columns()));
  int64_t row = 0;
  return table->Read(selection.columns, [&](const std::vector<Json>& values) {
    const std::string place = file.name + ": row " + std::to_string(++row);
    return use(DocumentOf(spec, selection, values, place, id_limit));
  });
}

Result<ColumnarSize> SizeOfColumnar(const CorpusSpec& spec, const CorpusFile& file) {
  const std::optional<ColumnarFormat> format = ColumnarFormatOfFile(file.path);
  if (!format) return InvalidArgument(file.name + " is neither Parquet nor Arrow");
  BRAID_ASSIGN_OR_RETURN(const auto table, OpenColumnar(file, *format));
  BRAID_ASSIGN_OR_RETURN(const Selection selection, Select(spec, file, table->Columns()));
  int64_t seen = 0;
  double bytes = 0;
  const Status read = table->Read(selection.columns, [&](const std::vector<Json>& values) {
    const auto document = DocumentOf(spec, selection, values, "", INT32_MAX);
    if (document.ok())
      bytes += static_cast<double>(document->text.size() + 2 * document->ids.size());
    ++seen;
    return seen < kSampledRows && bytes < kSampledBytes ? OkStatus() : Cancelled("enough");
  });
  if (!read.ok() && read.code() != StatusCode::kCancelled) return read;
  if (seen == 0) return ColumnarSize{};
  // Of a stream that was read to its end, the rows are known after all.
  const int64_t rows = read.ok() ? seen : std::max(seen, table->rows());
  return ColumnarSize{rows, bytes * static_cast<double>(rows) / static_cast<double>(seen)};
}

}  // namespace braid::corpus
