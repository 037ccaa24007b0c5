#include "corpus/corpus.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/file.h"
#include "base/glob.h"
#include "base/links.h"
#include "base/random.h"
#include "base/text.h"
#include "corpus/chat.h"
#include "corpus/columnar.h"
#include "corpus/field_values.h"
#include "corpus/file_kind.h"
#include "corpus/lines.h"
#include "corpus/pretokenizer.h"
#include "corpus/row.h"
#include "corpus/samples.h"
#include "corpus/table.h"
#include "corpus/token_files.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"

namespace braid::corpus {
namespace {

constexpr size_t kMaxDocument = size_t{256} << 20;
constexpr size_t kShownBadRows = 5;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Adds to the error of a row without the field where the recipe names that field.
Status FieldError(const CorpusSpec& spec, const Row& row, const std::string& field,
                  const Status& status) {
  if (status.ok() || row.Has(field)) return status;
  const char* key = spec.chat                ? ".chat.field names the field)"
                    : spec.input_ids.empty() ? ".text or .join names the field)"
                                             : ".input_ids names the field)";
  return InvalidArgument(status.message() + " (corpora." + spec.name + key);
}

// The text of a row, or an error with its place.
Result<std::string> TextOfRow(const CorpusSpec& spec, const Row& row) {
  const std::vector<std::string> fields =
      spec.join.empty() ? std::vector<std::string>{spec.text.empty() ? "text" : spec.text}
                        : spec.join;
  std::vector<std::string> parts;
  for (const std::string& field : fields) {
    Result<std::string> part = row.ReadText(field);
    if (!part.ok()) return FieldError(spec, row, field, part.status());
    parts.push_back(std::move(*part));
  }
  return Join(parts, spec.joiner);
}

// The ids of a row of an import by `input_ids`.
Result<std::vector<int32_t>> IdsOfRow(const CorpusSpec& spec, const Row& row, int64_t limit) {
  const Result<Json> read = row.Read(spec.input_ids);
  if (!read.ok()) return FieldError(spec, row, spec.input_ids, read.status());
  return IdsOfValue(*read, row.place(), spec.input_ids, limit);
}

// The messages of a row by their template.
Result<Document> ChatOfRow(const CorpusSpec& spec, const ChatWriter& chat, const Row& row) {
  const std::string field = MessagesField(
      *spec.chat, [&row](const std::string& name) { return row.Has(name) && !row.IsNull(name); });
  const Result<Json> messages = row.Read(field);
  if (!messages.ok()) return FieldError(spec, row, field, messages.status());
  Result<Document> document = chat.Write(*messages, row.place(), field);
  if (document.ok()) return document;
  return InvalidArgument(document.status().message() + InColumn(row.Column(field)));
}

Result<Document> DocumentOfRow(const CorpusSpec& spec, const ChatWriter* chat,
                               std::string_view line, const std::string& place, int64_t id_limit) {
  BRAID_ASSIGN_OR_RETURN(const Row row, Row::Parse(line, place));
  if (chat != nullptr) return ChatOfRow(spec, *chat, row);
  Document document;
  if (spec.input_ids.empty()) {
    BRAID_ASSIGN_OR_RETURN(document.text, TextOfRow(spec, row));
  } else {
    BRAID_ASSIGN_OR_RETURN(document.ids, IdsOfRow(spec, row, id_limit));
  }
  return document;
}

// Applies sampling and caps to the documents, and passes those that remain to their user.
class Selector {
 public:
  Selector(const CorpusSpec& spec, uint64_t seed, const std::function<Status(Document)>& use,
           LeftOut* left_out)
      : spec_(spec), use_(use), left_out_(left_out), draws_(seed, "sample/" + spec.name) {}

  Status Offer(Document document) {
    if (spec_.blank_documents == spec::BlankDocuments::kDrop && Trim(document.text).empty() &&
        document.ids.empty()) {
      ++left_out_->blank_documents;
      return OkStatus();
    }
    // Blank documents that are dropped have no index. All others have one, whether sampled or not,
    // so that a document keeps its random number when the sample grows.
    const uint64_t index = document.index = index_++;
    if (spec_.sample < 1.0 && draws_.Uniform(index) >= spec_.sample) return OkStatus();
    if (spec_.documents > 0 && documents_ >= spec_.documents) return Cancelled("cap");
    if (spec_.bytes > 0 && bytes_ >= spec_.bytes) return Cancelled("cap");
    ++documents_;
    bytes_ += static_cast<int64_t>(document.bytes());
    return use_(std::move(document));
  }
  // The same for the document of a row. One that could not be read is counted, or its error
  // returned.
  Status OfferRow(Result<Document> document) {
    ++left_out_->rows;
    if (document.ok()) return Offer(std::move(*document));
    const Status& why = document.status();
    if (spec_.on_bad_row == spec::OnBadRow::kFail) return why;
    ++left_out_->bad_rows;
    if (left_out_->first_bad_rows.size() < kShownBadRows)
      left_out_->first_bad_rows.push_back(why.message());
    return OkStatus();
  }
  int64_t documents() const { return documents_; }
  uint64_t seen() const { return index_; }

 private:
  const CorpusSpec& spec_;
  const std::function<Status(Document)>& use_;
  LeftOut* const left_out_;
  const RandomStream draws_;
  uint64_t index_ = 0;
  int64_t documents_ = 0;
  int64_t bytes_ = 0;
};

Status ReadRows(const CorpusSpec& spec, const CorpusFile& file, const TokenIds& ids,
                Selector* selector) {
  std::optional<ChatWriter> chat;
  if (spec.chat) chat.emplace(*spec.chat, spec.name);
  return ReadLines(file.path, [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty() || (number == 1 && Trim(line) == kByteOrderMark)) return OkStatus();
    return selector->OfferRow(DocumentOfRow(spec, chat ? &*chat : nullptr, line,
                                            file.name + ":" + std::to_string(number), ids.entries));
  });
}

// Text of another encoding would train as noise, so it is an error, with the first bad line.
Status CheckUtf8(const std::string& path, std::string_view text, int64_t first_line) {
  if (IsUtf8(text)) return OkStatus();
  int64_t line = first_line;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos && IsUtf8(text.substr(0, end));
       ++line) {
    text.remove_prefix(end + 1);
  }
  return InvalidArgument(path + ":" + std::to_string(line) +
                         ": the line is not UTF-8; convert the file (iconv -t UTF-8) or "
                         "take it out of the corpus");
}

// A document is in memory as a whole, so a corpus in one file has to say where its documents end.
Status CheckDocument(const CorpusSpec& spec, const std::string& path, const std::string& text) {
  if (text.size() <= kMaxDocument) return OkStatus();
  return InvalidArgument(
      path + ": a document is above 256 MiB; " +
      (spec.separator.empty()
           ? "corpora." + spec.name + ".separator can name the line between documents"
           : "is \"" + spec.separator + "\" the line between documents?"));
}

Status ReadPlainText(const CorpusSpec& spec, const std::string& path, Selector* selector) {
  std::string text;
  bool cut = false;
  if (spec.separator.empty()) {
    BRAID_RETURN_IF_ERROR(ReadDecompressed(path, [&](std::string_view piece) {
      text += piece;
      return CheckDocument(spec, path, text);
    }));
    BRAID_RETURN_IF_ERROR(CheckUtf8(path, text, 1));
    return selector->Offer({.text = std::move(text)});
  }
  const Status status = ReadLines(path, [&](std::string_view line, int64_t number) -> Status {
    BRAID_RETURN_IF_ERROR(CheckUtf8(path, line, number));
    if (line != spec.separator) {
      text.append(line).append("\n");
      return CheckDocument(spec, path, text);
    }
    std::string document(Trim(text));
    text.clear();
    cut = true;
    return selector->Offer({.text = std::move(document)});
  });
  if (!status.ok()) return status;
  // After the last separator there need not be another document.
  return cut && Trim(text).empty() ? OkStatus()
                                   : selector->Offer({.text = std::string(Trim(text))});
}

}  // namespace

Json ToJson(const CorpusSpec& spec) {
  Json json = schema::ToJson<spec::Corpus>(spec);
  json.update({{"files", spec.files},
               {"documents", spec.documents},
               {"bytes", spec.bytes},
               {"tokens", spec.tokens}});
  return json;
}

Result<CorpusSpec> CorpusFromJson(const Json& json, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(spec::Corpus corpus, schema::FromJson<spec::Corpus>(json, path));
  return CorpusSpec{std::move(corpus)};
}

std::vector<std::string> PathsOf(const std::vector<CorpusFile>& files) {
  std::vector<std::string> paths;
  for (const CorpusFile& file : files) paths.push_back(file.path);
  return paths;
}

Result<std::vector<CorpusFile>> CorpusFiles(const CorpusSpec& spec, const std::string& folder) {
  std::vector<std::string> paths;
  BRAID_ASSIGN_OR_RETURN(const FileNames names, FileNames::Read(folder));
  if (!folder.empty()) {
    BRAID_ASSIGN_OR_RETURN(paths, ListTree(folder));
    std::erase(paths, artifact_files::kRemoteFiles);
  } else {
    for (const std::string& pattern : spec.files) {
      BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> found, Glob("", pattern));
      for (const std::string& path : found) BRAID_RETURN_IF_ERROR(CheckPath(path));
      paths.insert(paths.end(), found.begin(), found.end());
    }
  }
  if (folder.empty()) SortAndDropRepeated(&paths);
  if (paths.empty()) return NotFound("corpus " + spec.name + " has no files");
  std::vector<CorpusFile> files;
  for (const std::string& path : paths) files.push_back(names.At(path));
  return files;
}

namespace {

Status ReadColumns(const CorpusSpec& spec, const CorpusFile& file, int64_t id_limit,
                   const std::function<Status(Result<Document>)>& use) {
  // Files are told apart before the first one is read, which may take hours.
  const std::optional<ColumnarFormat> format = ColumnarFormatOfFile(file.path);
  if (format) return ReadColumnar(spec, file, *format, id_limit, use);
  return DataLoss(file.name +
                  ": the file was Parquet or Arrow and is not any more, or cannot be read; leave "
                  "files as they are while they are prepared");
}

Status ReadFile(const CorpusSpec& spec, const CorpusFile& file, FileKind kind, const TokenIds& ids,
                Selector* selector) {
  // A blank file has no kind of its own. Read like the other files, it adds nothing either way.
  const bool rows = kind == FileKind::kRows ||
                    (kind == FileKind::kBlank &&
                     (spec.names_fields() || spec.format == spec::CorpusFormat::kRows));
  const auto of_columns = [selector](Result<Document> document) {
    return selector->OfferRow(std::move(document));
  };
  const auto of_table = [&](Result<std::string> text) {
    return of_columns(text.ok() ? Result<Document>(Document{.text = std::move(*text)})
                                : text.status());
  };
  const Status status = kind == FileKind::kTable ? ReadTable(spec, file, of_table)
                        : kind == FileKind::kColumnar
                            ? ReadColumns(spec, file, ids.entries, of_columns)
                        : kind == FileKind::kTar ? ReadSamples(spec, file, ids.entries, of_columns)
                        : rows                   ? ReadRows(spec, file, ids, selector)
                                                 : ReadPlainText(spec, file.path, selector);
  return WithName(status, file);
}

Status EmptyCorpus(const CorpusSpec& spec, const std::vector<CorpusFile>& files, uint64_t seen,
                   const LeftOut& left_out) {
  std::string message = Format("corpus %s is empty: %zu files (%s%s) hold %llu documents with %s%s",
                               spec.name.c_str(), files.size(), files.front().name.c_str(),
                               files.size() > 1 ? ", ..." : "", (unsigned long long)seen,
                               spec.has_ids() ? "ids" : "text",
                               seen > 0 ? ", and the sample takes none of them" : "");
  if (left_out.bad_rows > 0) {
    message += Format("; %lld rows could not be read and were skipped, the first: ",
                      (long long)left_out.bad_rows) +
               left_out.first_bad_rows.front();
  }
  return InvalidArgument(message);
}

// Files of rows, tables and plain text.
Status ReadFiles(const CorpusSpec& spec, const std::vector<CorpusFile>& files, const TokenIds& ids,
                 Selector* selector) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<FileKind> kinds, KindsOf(spec, files));
  for (size_t i = 0; i < files.size(); ++i)
    BRAID_RETURN_IF_ERROR(ReadFile(spec, files[i], kinds[i], ids, selector));
  return OkStatus();
}

}  // namespace

Status ReadDocuments(const CorpusSpec& spec, const std::vector<CorpusFile>& files, uint64_t seed,
                     const std::function<Status(Document)>& use, const TokenIds& ids,
                     LeftOut* left_out) {
  LeftOut here;
  if (left_out == nullptr) left_out = &here;
  Selector selector(spec, seed, use, left_out);
  const Status status = spec.token_files
                            ? ReadTokenFiles(spec, files, ids,
                                             [&](Document document) {
                                               return selector.Offer(std::move(document));
                                             })
                            : ReadFiles(spec, files, ids, &selector);
  if (status.code() == StatusCode::kCancelled) return OkStatus();
  BRAID_RETURN_IF_ERROR(status);
  return selector.documents() > 0 ? OkStatus()
                                  : EmptyCorpus(spec, files, selector.seen(), *left_out);
}

std::vector<Status> CheckCorpus(CorpusSpec spec, const std::vector<CorpusFile>& files) {
  if (spec.token_files) return CheckTokenFiles(spec, files);
  spec.sample = 1;
  spec.documents = spec.bytes = 0;
  CorpusSpec alone = spec;
  alone.part = true;
  std::vector<Status> faults;
  std::vector<std::optional<FileKind>> kinds;
  for (const CorpusFile& file : files) {
    const Result<std::vector<FileKind>> kind = KindsOf(alone, {file});
    kinds.push_back(kind.ok() ? std::optional(kind->front()) : std::nullopt);
    if (!kind.ok()) faults.push_back(kind.status());
  }
  // Settings without effect can be found only if the kinds of all files are known.
  const bool told = faults.empty();
  if (const Status keys = told ? KindsOf(spec, files).status() : OkStatus(); !keys.ok())
    faults.push_back(keys);
  const std::function<Status(Document)> first = [](Document) {
    return Cancelled("the first one is enough");
  };
  LeftOut left_out;
  Selector selector(spec, 0, first, &left_out);
  for (size_t i = 0; i < files.size(); ++i) {
    if (!kinds[i].has_value()) continue;
    const Status status = ReadFile(spec, files[i], *kinds[i],
                                   {.entries = std::numeric_limits<int32_t>::max()}, &selector);
    if (!status.ok() && status.code() != StatusCode::kCancelled) faults.push_back(status);
  }
  if (faults.empty() && selector.documents() == 0)
    faults.push_back(EmptyCorpus(spec, files, 0, left_out));
  return faults;
}

double DocumentBytes(CorpusSpec spec, const CorpusFile& file) {
  constexpr size_t kEnoughBytes = size_t{1} << 20;
  if (spec.token_files) return 0;  // where documents end is not known without the tokenizer
  spec.sample = 1;
  spec.documents = spec.bytes = 0;
  spec.part = true;
  // Read line by line up to a limit, so that a file of one document is not read as a whole.
  const Result<std::vector<FileKind>> kinds = KindsOf(spec, {file});
  if (!kinds.ok() || kinds->front() == FileKind::kBlank) return 0;
  if (kinds->front() == FileKind::kColumnar) {
    const auto size = SizeOfColumnar(spec, file);
    return size.ok() && size->rows > 0 ? size->text_bytes / static_cast<double>(size->rows) : 0;
  }
  if (kinds->front() == FileKind::kTar) {
    const auto size = SizeOfSamples(spec, file);
    return size.ok() && size->samples > 0 ? size->text_bytes / size->samples : 0;
  }
  const bool rows = kinds->front() == FileKind::kRows || kinds->front() == FileKind::kTable;
  if (!rows && spec.separator.empty()) {
    const Result<uint64_t> size = FileSize(file.path);
    return size.ok() ? static_cast<double>(*size) : 0;
  }
  double bytes = 0, documents = 0;
  (void)ReadLines(file.path, [&](std::string_view line, int64_t) {
    bytes += static_cast<double>(line.size() + 1);
    documents += rows ? !Trim(line).empty() : line == spec.separator;
    return bytes < kEnoughBytes ? OkStatus() : Cancelled("enough");
  });
  return bytes / std::max(documents, 1.0);
}

}  // namespace braid::corpus
