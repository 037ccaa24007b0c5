#include "corpus/table.h"

#include <algorithm>
#include <cctype>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/lines.h"

namespace braid::corpus {
namespace {

constexpr size_t kMaxRecord = size_t{256} << 20;
constexpr size_t kShownColumns = 12;
constexpr size_t kShownColumn = 40;

// Cuts bytes, as they come, into records.
class RecordCutter {
 public:
  // `name`: of the file, for messages.
  RecordCutter(const std::string& name, char separator,
               const std::function<Status(Result<Record>, int64_t)>& use)
      : name_(name), separator_(separator), use_(use) {}

  Status Feed(std::string_view bytes) {
    for (const char c : bytes) {
      BRAID_RETURN_IF_ERROR(Take(c));
      if (size_ > kMaxRecord) {
        return InvalidArgument(name_ + ":" + std::to_string(begin_) +
                               ": a record above 256 MiB; is a quote in it not closed?");
      }
    }
    return OkStatus();
  }

  // After the last byte, behind which a line end may be missing.
  Status Finish() {
    // Not one bad record: all that stands behind the quote may be good ones.
    if (state_ == State::kQuoted) {
      return InvalidArgument(name_ + ":" + std::to_string(begin_) + ": a quote that is not closed");
    }
    return size_ > 0 ? EndRecord() : OkStatus();
  }

 private:
  enum class State {
    kBegin,   // of a field
    kPlain,   // in a field without quotes
    kQuoted,  // between quotes
    kClosed,  // behind a quote within quotes, which ends the field unless another one follows
  };

  Status Take(char c) {
    ++size_;
    if (c == '\n') ++line_;
    if (state_ == State::kQuoted) {
      if (c == '"') {
        state_ = State::kClosed;
      } else if (c == '\n' && separator_ == '\t') {
        // Tables with tabs are mostly written without quotes, so that a quote is a character.
        error_ = InvalidArgument(
            "a quote that its line does not close; a .tsv has a record a line");
        return EndRecord();
      } else {
        field_ += c;
      }
      return OkStatus();
    }
    if (c == '\n') return EndRecord();
    if (c == separator_) {
      EndField();
      return OkStatus();
    }
    if (c == '"' && state_ == State::kBegin) {
      state_ = State::kQuoted;
      return OkStatus();
    }
    if (c == '"' && state_ == State::kClosed) {
      field_ += c;
      state_ = State::kQuoted;
      return OkStatus();
    }
    // A carriage return stands before the line end. Quotes are characters from here on, so that the
    // record ends with its line.
    if (state_ == State::kClosed && c != '\r') {
      if (error_.ok())
        error_ = InvalidArgument("something stands behind the quote that ends a field");
      state_ = State::kPlain;
    }
    if (state_ == State::kBegin) state_ = State::kPlain;
    if (state_ == State::kPlain) field_ += c;
    return OkStatus();
  }

  void EndField() {
    record_.push_back(std::move(field_));
    field_.clear();
    state_ = State::kBegin;
  }

  Status EndRecord() {
    if (state_ == State::kPlain && field_.ends_with('\r')) field_.pop_back();
    const bool quoted = state_ == State::kClosed;
    EndField();
    const bool blank = record_.size() == 1 && record_[0].empty() && !quoted;
    Result<Record> record = error_.ok() ? Result<Record>(std::move(record_))
                                        : Result<Record>(error_);
    const int64_t begin = begin_;
    record_.clear();
    error_ = OkStatus();
    size_ = 0;
    begin_ = line_;
    return blank && record.ok() ? OkStatus() : use_(std::move(record), begin);
  }

  const std::string& name_;
  const char separator_;
  const std::function<Status(Result<Record>, int64_t)>& use_;
  State state_ = State::kBegin;
  std::string field_;
  Record record_;
  Status error_;
  // Bytes of the record so far, the line that is read, and that at which the record begins.
  size_t size_ = 0;
  int64_t line_ = 1, begin_ = 1;
};

std::string ColumnNames(const Record& header) {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(header.size(), kShownColumns); ++i)
    names.push_back(Excerpt(header[i], kShownColumn));
  if (header.size() > kShownColumns)
    names.push_back(Format("and %zu more", header.size() - kShownColumns));
  return Join(names, ", ");
}

// The places of the columns that make up a document.
Result<std::vector<size_t>> ColumnsOf(const CorpusSpec& spec, const Record& header,
                                      const std::string& place) {
  const std::vector<std::string> names = spec.join.empty() ? std::vector<std::string>{spec.text}
                                                           : spec.join;
  std::vector<size_t> columns;
  for (const std::string& name : names) {
    const auto at = std::find(header.begin(), header.end(), name);
    if (at == header.end()) {
      return InvalidArgument(place + ": the table has no column \"" + Excerpt(name, kShownColumn) +
                             "\"; it has " + ColumnNames(header) + " (corpora." + spec.name +
                             (spec.join.empty() ? ".text" : ".join") + " names it)");
    }
    if (std::find(at + 1, header.end(), name) != header.end()) {
      return InvalidArgument(place + ": the column \"" + Excerpt(name, kShownColumn) +
                             "\" appears twice");
    }
    columns.push_back(static_cast<size_t>(at - header.begin()));
  }
  return columns;
}

Result<std::string> TextOfRecord(const CorpusSpec& spec, const Record& header,
                                 const std::vector<size_t>& columns, const Result<Record>& record,
                                 const std::string& place) {
  if (!record.ok()) return InvalidArgument(place + ": " + record.status().message());
  if (record->size() != header.size()) {
    return InvalidArgument(Format("%s: the record has %zu fields, and the table %zu columns",
                                  place.c_str(), record->size(), header.size()));
  }
  std::vector<std::string> parts;
  for (const size_t column : columns) {
    const std::string& field = (*record)[column];
    if (!IsUtf8(field)) {
      return InvalidArgument(place + ": column \"" + Excerpt(header[column], kShownColumn) +
                             "\" is not UTF-8; convert the file (iconv -t UTF-8)");
    }
    parts.push_back(field);
  }
  return Join(parts, spec.joiner);
}

}  // namespace

char TableSeparator(std::string_view path) {
  std::string name(BaseName(path));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view packed : {".gz", ".zst", ".zstd"}) {
    if (name.ends_with(packed)) name.erase(name.size() - packed.size());
  }
  if (name.ends_with(".csv")) return ',';
  return name.ends_with(".tsv") || name.ends_with(".tab") ? '\t' : '\0';
}

Status ReadRecords(const std::string& path, const std::string& name, char separator,
                   const std::function<Status(Result<Record>, int64_t)>& use) {
  RecordCutter cutter(name, separator, use);
  std::string begin;
  bool begun = false;
  // A byte order mark may come in parts.
  const auto start = [&] {
    begun = true;
    std::string_view bytes = begin;
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    return cutter.Feed(bytes);
  };
  BRAID_RETURN_IF_ERROR(ReadDecompressed(path, [&](std::string_view bytes) -> Status {
    if (begun) return cutter.Feed(bytes);
    begin += bytes;
    return begin.size() < 3 ? OkStatus() : start();
  }));
  if (!begun) BRAID_RETURN_IF_ERROR(start());
  return cutter.Finish();
}

Status ReadTable(const CorpusSpec& spec, const CorpusFile& file,
                 const std::function<Status(Result<std::string>)>& use) {
  const char by_name = TableSeparator(file.name),
             separator = by_name != '\0' ? by_name : TableSeparator(file.path);
  Record header;
  std::vector<size_t> columns;
  const auto take = [&](Result<Record> record, int64_t line) -> Status {
    const std::string place = file.name + ":" + std::to_string(line);
    if (!header.empty()) return use(TextOfRecord(spec, header, columns, record, place));
    if (!record.ok()) return InvalidArgument(place + ": " + record.status().message());
    header = std::move(*record);
    BRAID_ASSIGN_OR_RETURN(columns, ColumnsOf(spec, header, place));
    return OkStatus();
  };
  return ReadRecords(file.path, file.name, separator, take);
}

}  // namespace braid::corpus
