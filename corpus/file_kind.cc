#include "corpus/file_kind.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <string>
#include <string_view>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "corpus/chat.h"
#include "corpus/columnar.h"
#include "corpus/lines.h"
#include "corpus/row.h"
#include "corpus/table.h"
#include "corpus/tar_reader.h"

namespace braid::corpus {
namespace {

constexpr size_t kHeadBytes = size_t{256} << 10;
constexpr size_t kShownLine = 60;
constexpr char kSkipsRows[] =
    "on_bad_row: skip passes over single rows that are damaged; take the file out of the corpus";

bool SaysRows(std::string_view path) {
  std::string name(BaseName(path));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view packed : {".gz", ".zst", ".zstd"}) {
    if (name.ends_with(packed)) name.erase(name.size() - packed.size());
  }
  for (const std::string_view ending : {".jsonl", ".ndjson", ".jsonlines", ".json"}) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

// Parses a text as one JSON value to find out where it stops being one.
struct ValueEnd final : nlohmann::json_sax<Json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    failed_at = position;
    return false;
  }

  // The number of bytes read when the text turned out not to be JSON.
  size_t failed_at = std::string::npos;
};

// The beginning of a file.
struct Head {
  // Without blank lines.
  std::vector<std::string> lines;
  // The line number of the first of these lines.
  size_t first = 1;
  // The last line continues beyond the head.
  bool last_is_cut = false;
  // The first line begins a list or an object that continues in the second line: the file is a
  // single JSON value and has no rows, even if some of its lines look like rows.
  bool is_one_value = false;
};

// Tells a file that is one JSON value over several lines from rows of which the first is broken. A
// broken row, such as {"text": "one, stops being JSON at its own end or before. A value over
// several lines continues beyond the first token of the second line. If the second line is a row by
// itself, it belongs to a larger value only if that value is complete.
bool GoesOnInSecondLine(const Head& head) {
  if (head.lines.size() < 2) return false;
  const std::string_view begin = Trim(head.lines[0]), next = Trim(head.lines[1]);
  if (!begin.starts_with('[') && !begin.starts_with('{')) return false;
  if (Json::accept(begin)) return false;
  const std::string text = Join(head.lines, "\n");
  ValueEnd end;
  (void)Json::sax_parse(text, &end, Json::input_format_t::json, /*strict=*/true);
  if (end.failed_at >= text.size()) return true;  // a whole value, or one that the head cuts
  const size_t second = head.lines[0].size() + 1 + head.lines[1].find(next.front());
  return end.failed_at > second + 2 && !Row::Parse(next, "").ok();
}

Result<Head> HeadOf(const std::string& path) {
  std::string bytes;
  const Status read = ReadDecompressed(path, [&](std::string_view piece) {
    bytes += piece;
    // A compressed file cannot be read from its beginning in any other way than to stop.
    return bytes.size() < kHeadBytes ? OkStatus() : Cancelled("enough");
  });
  if (!read.ok() && read.code() != StatusCode::kCancelled) return read;
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
  Head head;
  for (std::string& line : Split(bytes, '\n')) {
    if (!Trim(line).empty()) head.lines.push_back(std::move(line));
    if (head.lines.empty()) ++head.first;
  }
  head.last_is_cut = !read.ok() && !bytes.empty() && bytes.back() != '\n';
  head.is_one_value = GoesOnInSecondLine(head);
  return head;
}

bool IsRow(const Head& head, size_t i) {
  if (head.last_is_cut && i + 1 == head.lines.size()) return Trim(head.lines[i]).starts_with('{');
  return Row::Parse(head.lines[i], "").ok();
}

// Decides the kind of one file, or what to tell the user about it.
class Teller {
 public:
  Teller(const CorpusSpec& spec, const CorpusFile& file, const Head& head)
      : spec_(spec), file_(file), head_(head) {}

  Result<FileKind> Tell() const {
    if (head_.lines.empty()) return FileKind::kBlank;
    if (spec_.format == spec::CorpusFormat::kText) return FileKind::kText;
    if (spec_.format == spec::CorpusFormat::kRows || SaysRows(file_.name) || SaysRows(file_.path))
      return Rows();
    // A corpus with a separator is meant for plain text.
    const bool text_is_fine = !spec_.separator.empty();
    if (text_is_fine)
      return spec_.names_fields() && MeantAsRows() ? Rows() : Result<FileKind>(FileKind::kText);
    if (spec_.names_fields() && IsTable()) return FileKind::kTable;
    if (spec_.names_fields()) return HasRows() || IsOneValue() ? Rows() : NoRows();
    return MeantAsRows() ? UnnamedField() : Result<FileKind>(FileKind::kText);
  }

 private:
  std::string Key(const char* key) const { return "corpora." + spec_.name + "." + key; }
  std::string FieldKey() const {
    return Key(spec_.chat                 ? "chat"
               : !spec_.input_ids.empty() ? "input_ids"
               : !spec_.join.empty()      ? "join"
                                          : "text");
  }
  std::string Place() const { return file_.name + ":" + std::to_string(head_.first); }
  std::string_view First() const { return Trim(head_.lines.front()); }

  bool IsTable() const {
    const bool named = TableSeparator(file_.name) != '\0' || TableSeparator(file_.path) != '\0';
    return named && spec_.input_ids.empty() && !spec_.chat && !IsRow(head_, 0) &&
           !First().starts_with("{\"") && !First().starts_with("[{");
  }
  bool HasRows() const {
    for (size_t i = 0; i < head_.lines.size(); ++i) {
      if (IsRow(head_, i)) return true;
    }
    return First().starts_with("{\"");
  }
  std::string_view Second() const {
    return head_.lines.size() < 2 ? std::string_view() : Trim(head_.lines[1]);
  }
  // True if the file holds rows (perhaps with one of the first ones broken), or a list or an object
  // that Rows() refuses with advice. Prose and programs may begin with brackets and braces too, so
  // more than the first character is looked at.
  bool MeantAsRows() const {
    const std::string_view first = First(), second = Second();
    const auto begins = [](std::string_view line, const char* either, const char* other) {
      return line.starts_with(either) || line.starts_with(other);
    };
    const bool list = first.starts_with("[{") || (first == "[" && begins(second, "{", "\""));
    const bool object = first == "{" && second.starts_with('"');
    const bool rows = IsRow(head_, 0) && (second.empty() || second.starts_with('{'));
    return rows || list || object ||
           (first.starts_with("{\"") && head_.lines.size() > 1 && IsRow(head_, 1));
  }

  // True if the file as a whole is one list, or one object over several lines.
  bool IsOneValue() const {
    return head_.is_one_value || ((First().starts_with('[') || First() == "{") && !HasRows());
  }

  // kRows, or the error if the file as a whole is one value. `on_bad_row: skip` does not excuse
  // that: none of the lines is a row that could be skipped by itself.
  Result<FileKind> Rows() const {
    if (!IsOneValue())
      return spec_.on_bad_row == spec::OnBadRow::kSkip ? RowsToSkip() : FileKind::kRows;
    if (First().starts_with('{')) {
      return InvalidArgument(Place() +
                             ": the row is not a JSON object: one object a line; this file is one "
                             "object over several lines (jq -c . FILE writes it as a line)");
    }
    return InvalidArgument(Place() +
                           ": the row is not a JSON object: one object a line; this file is a list "
                           "(jq -c '.[]' FILE writes its elements as lines)");
  }

  // The fields that make up a document.
  std::vector<std::string> Fields(const std::function<bool(const std::string&)>& has) const {
    if (spec_.chat) return {MessagesField(*spec_.chat, has)};
    if (!spec_.join.empty()) return spec_.join;
    return {!spec_.input_ids.empty() ? spec_.input_ids : !spec_.text.empty() ? spec_.text : "text"};
  }

  // True if the head has several rows and none of them has the fields that the spec names. `names`
  // receives the fields of the first row.
  bool FieldsAreMissing(std::string* names) const {
    size_t rows = 0;
    for (const std::string& line : head_.lines) {
      const Result<Row> row = Row::Parse(line, "");
      if (!row.ok()) continue;
      const auto has = [&row](const std::string& field) { return row->Has(field); };
      const std::vector<std::string> fields = Fields(has);
      if (std::all_of(fields.begin(), fields.end(), has)) return false;
      if (++rows == 1) *names = row->Names();
    }
    return rows > 1;
  }

  // If `on_bad_row: skip` would leave out all of a file, the file is of another kind or belongs to
  // another corpus.
  Result<FileKind> RowsToSkip() const {
    if (!HasRows()) return NoRowToSkip();
    std::string names;
    if (!FieldsAreMissing(&names)) return FileKind::kRows;
    const std::vector<std::string> fields = Fields([](const std::string&) { return false; });
    return InvalidArgument(file_.name + ": no row at the front of this file has " +
                           (fields.size() > 1 ? "all of the fields " : "the field ") +
                           Join(fields, ", ") + ", which " + FieldKey() + " names; the first has " +
                           names + "; " + kSkipsRows);
  }

  Result<FileKind> NoRowToSkip() const {
    return InvalidArgument(Place() + ": the row is not a JSON object; it begins with " +
                           Excerpt(First(), 40) +
                           ", and no other line at the front of this file is one; " + kSkipsRows);
  }

  Result<FileKind> NoRows() const {
    const bool table = First().find(',') != std::string_view::npos ||
                       First().find('\t') != std::string_view::npos;
    return InvalidArgument(
        file_.name + ": " + FieldKey() +
        " names a field of rows, but the lines of this file are no JSON objects (the first is " +
        Excerpt(First(), kShownLine) + "); " +
        (table && !spec_.chat
             ? "a table whose first line names its columns is read under a name that ends with "
               ".csv or .tsv; or write it as JSON lines, one object a line (pandas: "
               "read_csv(...).to_json(..., orient=\"records\", lines=True)); "
             : "") +
        "plain text has no fields, and stands in a corpus of its own without this key");
  }

  Result<FileKind> UnnamedField() const {
    const Result<Row> row = Row::Parse(head_.lines.front(), "");
    const bool chat = row.ok() && (row->Has("messages") || row->Has("conversations"));
    return InvalidArgument(
        file_.name + ": its lines are JSON objects; " + Key("text") +
        " (or join) names the field that holds a document" +
        (row.ok() ? ", here one of " + row->Names() : "") +
        (chat ? "; " + Key("chat") + ": {template: chatml} makes documents of messages" : "") +
        "; with " + Key("format") + ": text the lines are trained on as they stand");
  }

  const CorpusSpec& spec_;
  const CorpusFile& file_;
  const Head& head_;
};

Status NoText(const CorpusSpec& spec, const CorpusFile& file, const char* what) {
  return InvalidArgument(file.name + ": corpora." + spec.name +
                         ".format says text, but the file is " + what + "; leave format out");
}

// A setting without effect on any file is most likely a mistake, and would be ignored silently.
Status CheckKeys(const CorpusSpec& spec, const std::vector<CorpusFile>& files,
                 const std::vector<FileKind>& kinds) {
  const auto has = [&](FileKind kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  // An empty corpus is an error of its own, where it is read.
  const bool fields = has(FileKind::kRows) || has(FileKind::kTable) || has(FileKind::kColumnar) ||
                      has(FileKind::kTar);
  if (spec.part || (!has(FileKind::kText) && !fields))
    return OkStatus();  // an empty corpus is named where it is read
  const auto useless = [&](const std::string& key, const char* why) {
    return InvalidArgument("corpora." + spec.name + "." + key + " would do nothing: " + why + " (" +
                           files.front().name + (files.size() > 1 ? ", ..." : "") + ")");
  };
  if (!spec.separator.empty() && !has(FileKind::kText))
    return useless("separator", "it cuts plain text, and all files are rows");
  if (fields) return OkStatus();
  if (spec.names_fields())
    return useless(spec.chat           ? "chat"
                   : spec.join.empty() ? "text"
                                       : "join",
                   "it names a field of rows, and all files are plain text");
  if (spec.on_bad_row == spec::OnBadRow::kSkip)
    return useless("on_bad_row", "all files are plain text, which has no rows");
  return OkStatus();
}

}  // namespace

Result<std::vector<FileKind>> KindsOf(const CorpusSpec& spec,
                                      const std::vector<CorpusFile>& files) {
  std::vector<FileKind> kinds;
  for (const CorpusFile& file : files) {
    const bool columnar = ColumnarFormatOfFile(file.path).has_value();
    if (columnar || IsTarFile(file.path)) {
      if (spec.format == spec::CorpusFormat::kText)
        return NoText(spec, file, columnar ? "Parquet or Arrow" : "a tar archive");
      kinds.push_back(columnar ? FileKind::kColumnar : FileKind::kTar);
      continue;
    }
    BRAID_ASSIGN_OR_RETURN(const Head head, HeadOf(file.path));
    BRAID_ASSIGN_OR_RETURN(const FileKind kind, Teller(spec, file, head).Tell());
    kinds.push_back(kind);
  }
  BRAID_RETURN_IF_ERROR(CheckKeys(spec, files, kinds));
  return kinds;
}

}  // namespace braid::corpus
