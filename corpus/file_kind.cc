#include "corpus/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "corpus/lines.h"
#include "corpus/row.h"

namespace braid::corpus {
namespace {

constexpr size_t kHeadBytes = size_t{256} << 10;
constexpr size_t kShownLine = 60;

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

// The lines at the front of a file that are not blank.
struct Head {
  std::vector<std::string> lines;
  size_t first = 1;          // number of the first of them
  bool last_is_cut = false;  // the last line goes on behind the head
};

Result<Head> HeadOf(const std::string& path) {
  std::string bytes;
  const Status read = ReadDecompressed(path, [&](std::string_view piece) {
    bytes += piece;
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
  return head;
}

bool IsRow(const Head& head, size_t i) {
  if (head.last_is_cut && i + 1 == head.lines.size()) return Trim(head.lines[i]).starts_with('{');
  return Row::Parse(head.lines[i], "").ok();
}

class Teller {
 public:
  Teller(const CorpusSpec& spec, const CorpusFile& file, const Head& head)
      : spec_(spec), file_(file), head_(head) {}

  Result<FileKind> Tell() const {
    if (head_.lines.empty()) return FileKind::kBlank;
    if (spec_.format == spec::CorpusFormat::kText) return FileKind::kText;
    if (spec_.format == spec::CorpusFormat::kRows || SaysRows(file_.name) || SaysRows(file_.path))
      return Rows();
    const bool text_is_fine = !spec_.separator.empty();  // the corpus says what to do with it
    if (text_is_fine)
      return spec_.names_fields() && MeantAsRows() ? Rows() : Result<FileKind>(FileKind::kText);
    if (spec_.names_fields()) return HasRows() || IsOneValue() ? Rows() : NoRows();
    return MeantAsRows() ? UnnamedField() : Result<FileKind>(FileKind::kText);
  }

 private:
  std::string Key(const char* key) const { return "corpora." + spec_.name + "." + key; }
  std::string FieldKey() const {
    return Key(!spec_.input_ids.empty() ? "input_ids" : !spec_.join.empty() ? "join" : "text");
  }
  std::string Place() const { return file_.name + ":" + std::to_string(head_.first); }
  std::string_view First() const { return Trim(head_.lines.front()); }

  bool HasRows() const {
    for (size_t i = 0; i < head_.lines.size(); ++i) {
      if (IsRow(head_, i)) return true;
    }
    return First().starts_with("{\"");
  }
  std::string_view Second() const {
    return head_.lines.size() < 2 ? std::string_view() : Trim(head_.lines[1]);
  }
  // Rows, also if one of the first is broken, and what Rows() refuses with what to do: lists and
  // objects that are JSON and not prose or a program, which begin with brackets and braces too.
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

  // A list, or an object over several lines.
  bool IsOneValue() const { return First().starts_with('[') || First() == "{"; }

  Result<FileKind> Rows() const {
    if (!IsOneValue() || HasRows()) return FileKind::kRows;
    if (First() == "{") {
      return InvalidArgument(Place() +
                             ": the row is not a JSON object: one object a line; this file is one "
                             "object over several lines (jq -c . FILE writes it as a line)");
    }
    return InvalidArgument(Place() +
                           ": the row is not a JSON object: one object a line; this file is a list "
                           "(jq -c '.[]' FILE writes its elements as lines)");
  }

  Result<FileKind> NoRows() const {
    const bool table = First().find(',') != std::string_view::npos ||
                       First().find('\t') != std::string_view::npos;
    return InvalidArgument(
        file_.name + ": " + FieldKey() +
        " names a field of rows, but the lines of this file are no JSON objects (the first is " +
        Excerpt(First(), kShownLine) + "); " +
        (table ? "write a table as JSON lines, one object a line (pandas: "
                 "read_csv(...).to_json(..., orient=\"records\", lines=True)); "
               : "") +
        "plain text has no fields, and stands in a corpus of its own without this key");
  }

  Result<FileKind> UnnamedField() const {
    const Result<Row> row = Row::Parse(head_.lines.front(), "");
    return InvalidArgument(file_.name + ": its lines are JSON objects; " + Key("text") +
                           " (or join) names the field that holds a document" +
                           (row.ok() ? ", here one of " + row->Names() : "") + "; with " +
                           Key("format") + ": text the lines are trained on as they stand");
  }

  const CorpusSpec& spec_;
  const CorpusFile& file_;
  const Head& head_;
};

// A key that no file has a use for would be passed over in silence.
Status CheckKeys(const CorpusSpec& spec, const std::vector<CorpusFile>& files,
                 const std::vector<FileKind>& kinds) {
  const auto has = [&](FileKind kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  if (spec.part || (!has(FileKind::kText) && !has(FileKind::kRows)))
    return OkStatus();  // an empty corpus is named where it is read
  const auto useless = [&](const std::string& key, const char* why) {
    return InvalidArgument("corpora." + spec.name + "." + key + " would do nothing: " + why + " (" +
                           files.front().name + (files.size() > 1 ? ", ..." : "") + ")");
  };
  if (!spec.separator.empty() && !has(FileKind::kText))
    return useless("separator", "it cuts plain text, and all files are rows of JSON");
  if (has(FileKind::kRows)) return OkStatus();
  if (spec.names_fields())
    return useless(spec.join.empty() ? "text" : "join",
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
    BRAID_ASSIGN_OR_RETURN(const Head head, HeadOf(file.path));
    BRAID_ASSIGN_OR_RETURN(const FileKind kind, Teller(spec, file, head).Tell());
    kinds.push_back(kind);
  }
  BRAID_RETURN_IF_ERROR(CheckKeys(spec, files, kinds));
  return kinds;
}

}  // namespace braid::corpus
