#include "submit/text_facts.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/columnar.h"
#include "corpus/compression.h"
#include "corpus/file_kind.h"
#include "corpus/lines.h"
#include "corpus/row.h"
#include "corpus/samples.h"
#include "corpus/tar_reader.h"
#include "recipe/graph/text_size.h"
#include "submit/seen_rows.h"

namespace braid::submit {
namespace {

// How much is looked at: rows of a file of rows; lines until the first one that is not blank; bytes
// of plain text. It has to tell what a file is, not to go through it, however large it is.
constexpr int64_t kRowsRead = 200;
constexpr int64_t kSamplesRead = 20;
constexpr int64_t kLinesRead = 50'000;
constexpr size_t kBytesRead = size_t{4} << 20;
// Passages of plain text that has no separators, in bytes: so long that there are about kPassages,
// as validation and epochs need a number of documents, within these bounds.
constexpr double kShortPassage = 250, kLongPassage = 2'000;
constexpr double kPassages = 400;
// Text from the beginning, of which the first words become a prompt, so long at most.
constexpr size_t kFirstText = 2'000;
constexpr int kPromptWords = 5;
// A prompt of a few words fits the context of the smallest model and one line of the recipe.
constexpr size_t kPromptBytes = 80;

// Lines that people put between documents.
constexpr std::array<const char*, 7> kSeparators = {"<|endoftext|>", "</s>", "***", "---",
                                                    "* * *",         "===",  "%"};
std::string FirstWords(const std::string& text) {
  std::string words;
  int count = 0;
  for (const std::string& line : Split(text.substr(0, 4'096), '\n')) {
    for (const std::string& word : Split(line, ' ')) {
      if (Trim(word).empty()) continue;
      if (count == kPromptWords || words.size() + word.size() >= kPromptBytes) return words;
      words += (words.empty() ? "" : " ") + std::string(Trim(word));
      ++count;
    }
  }
  return words;
}

// Reading is ended early by an error, which is then none.
Status StopAt(bool enough) {
  return enough ? Cancelled("enough") : OkStatus();
}

Status IgnoreStop(const Status& status) {
  return status.code() == StatusCode::kCancelled ? OkStatus() : status;
}

// Whether the first line that is not blank is a row.
Result<bool> BeginsWithRow(const std::string& path) {
  bool row = false;
  const Status read = corpus::ReadLines(path, [&](std::string_view line, int64_t number) {
    if (Trim(line).empty()) return StopAt(number > kLinesRead);
    row = corpus::Row::Parse(line, path).ok();
    return StopAt(true);
  });
  BRAID_RETURN_IF_ERROR(IgnoreStop(read));
  return row;
}

// The fields of the document, and the first words of the first one.
Status TakeFields(const SeenRows& seen, TextFacts* facts) {
  const std::vector<std::string> fields = seen.TextFields();
  // A field "text" may be the chat, written out by another program; any other text is beside it.
  const bool whole = fields == std::vector<std::string>{"text"} ||
                     fields == std::vector<std::string>{"txt"};
  if (!whole) facts->messages = seen.MessagesField();
  if (!facts->messages.empty()) return OkStatus();
  facts->fields = fields;
  if (facts->fields.empty()) facts->input_ids = seen.IdsField();
  if (!facts->fields.empty()) {
    facts->words = FirstWords(seen.first()[facts->fields.front()].get<std::string>());
    return OkStatus();
  }
  if (!facts->input_ids.empty()) return OkStatus();
  return InvalidArgument(facts->paths.front() + ": no field of its rows holds text (there are " +
                         Join(seen.Names(), ", ") +
                         "): a corpus needs one field, or several to be joined, with a text in "
                         "each row");
}

Status LookAtRows(TextFacts* facts) {
  SeenRows seen;
  double line_bytes = 0;
  const std::string& path = facts->paths.front();
  const Status read = corpus::ReadLines(path, [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty()) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(const corpus::Row row,
                           corpus::Row::Parse(line, path + ":" + std::to_string(number)));
    line_bytes += static_cast<double>(line.size() + 1);
    seen.See(row.Lenient());
    return StopAt(seen.rows() >= kRowsRead);
  });
  BRAID_RETURN_IF_ERROR(IgnoreStop(read));
  BRAID_RETURN_IF_ERROR(TakeFields(seen, facts));
  facts->documents = static_cast<int64_t>(facts->text_bytes * static_cast<double>(seen.rows()) /
                                          std::max(1.0, line_bytes));
  // Of ids as text, four characters and a comma or so are a token, as four bytes of text are.
  std::vector<std::string> holders = facts->fields;
  if (!facts->messages.empty()) holders = {facts->messages};
  if (line_bytes > 0 && !holders.empty()) facts->text_bytes *= seen.TextBytes(holders) / line_bytes;
  return OkStatus();
}

// The spec of the corpus, so far as it says what is read.
corpus::CorpusSpec SpecOf(const TextFacts& facts) {
  corpus::CorpusSpec spec;
  spec.name = facts.name;
  if (facts.fields.size() == 1) spec.text = facts.fields.front();
  if (facts.fields.size() > 1) spec.join = facts.fields;
  spec.input_ids = facts.input_ids;
  if (!facts.messages.empty())
    spec.chat = spec::Chat{.field = facts.messages, .name = spec::ChatTemplate::kPlain};
  return spec;
}

// Parquet and Arrow, whose rows are counted in each file, and looked at in the first.
Status LookAtColumns(corpus::ColumnarFormat format, TextFacts* facts) {
  const corpus::CorpusFile file(facts->paths.front());
  BRAID_ASSIGN_OR_RETURN(const auto table, corpus::OpenColumnar(file, format));
  const std::vector<std::string> names = table->Columns();
  std::vector<size_t> columns(names.size());
  std::iota(columns.begin(), columns.end(), size_t{0});
  SeenRows seen;
  const Status read = table->Read(columns, [&](const std::vector<Json>& values) {
    Json row = Json::object();
    for (size_t i = 0; i < names.size(); ++i) row[names[i]] = values[i];
    seen.See(row);
    return StopAt(seen.rows() >= kRowsRead);
  });
  BRAID_RETURN_IF_ERROR(IgnoreStop(read));
  if (seen.rows() == 0)
    return InvalidArgument(file.path + " has no rows: there is nothing to train on");
  facts->rows = true;
  BRAID_RETURN_IF_ERROR(TakeFields(seen, facts));
  const corpus::CorpusSpec spec = SpecOf(*facts);
  facts->text_bytes = 0;
  for (const std::string& path : facts->paths) {
    const auto size = corpus::SizeOfColumnar(spec, path);
    if (!size.ok()) {
      return Status(size.status().code(), size.status().message() + " (the fields are those of " +
                                              file.path + ": name files with the same ones)");
    }
    facts->documents += size->rows;
    facts->text_bytes += size->text_bytes;
  }
  return OkStatus();
}

// Tar archives, of which the first samples of each are looked at.
Status LookAtSamples(TextFacts* facts) {
  SeenRows seen(/*samples=*/true);
  const std::string& first = facts->paths.front();
  const Status read = corpus::FirstSamples(first, [&](const Json& row) {
    seen.See(row);
    return StopAt(seen.rows() >= kSamplesRead);
  });
  BRAID_RETURN_IF_ERROR(IgnoreStop(read));
  if (seen.rows() == 0)
    return InvalidArgument(first + " has no samples: there is nothing to train on");
  facts->rows = true;
  BRAID_RETURN_IF_ERROR(TakeFields(seen, facts));
  const corpus::CorpusSpec spec = SpecOf(*facts);
  const std::vector<corpus::CorpusFile> files(facts->paths.begin(), facts->paths.end());
  BRAID_ASSIGN_OR_RETURN(const corpus::SamplesSize size, corpus::SizeOfSamples(spec, files));
  facts->text_bytes = size.text_bytes;
  facts->documents = static_cast<int64_t>(size.samples);
  return OkStatus();
}

Status CheckUtf8(std::string_view line, const std::string& path, int64_t number) {
  if (IsUtf8(line)) return OkStatus();
  return InvalidArgument(path + ":" + std::to_string(number) +
                         ": the text is not UTF-8; iconv -f latin1 -t utf-8 FILE writes it so, if "
                         "latin1 is what it is in");
}

// Everything that is not rows goes for plain text. A list of JSON is none, and rows in one of
// several files are none either.
Status CheckPlain(const TextFacts& facts) {
  BRAID_ASSIGN_OR_RETURN(
      const std::vector<corpus::FileKind> kinds,
      corpus::KindsOf({}, std::vector<corpus::CorpusFile>(facts.paths.begin(), facts.paths.end())));
  const auto rows = std::find(kinds.begin(), kinds.end(), corpus::FileKind::kRows);
  if (rows == kinds.end()) return OkStatus();
  return InvalidArgument(facts.paths[static_cast<size_t>(rows - kinds.begin())] +
                         " is to hold rows, and the first line of " + facts.paths.front() +
                         " is none: name the files of one kind, or correct that line");
}

Status LookAtPlainText(TextFacts* facts) {
  BRAID_RETURN_IF_ERROR(CheckPlain(*facts));
  std::map<std::string, int64_t> ends;
  std::string first;
  size_t bytes = 0;
  bool whole = true;
  for (const std::string& path : facts->paths) {
    const Status read = corpus::ReadLines(path,
                                          [&](std::string_view line, int64_t number) -> Status {
                                            BRAID_RETURN_IF_ERROR(CheckUtf8(line, path, number));
                                            bytes += line.size() + 1;
                                            if (first.size() < kFirstText)
                                              first += std::string(line) + "\n";
                                            for (const char* separator : kSeparators) {
                                              if (line == separator) ++ends[separator];
                                            }
                                            return StopAt(bytes >= kBytesRead);
                                          });
    BRAID_RETURN_IF_ERROR(IgnoreStop(read));
    whole = read.ok();
    if (!whole) break;
  }
  facts->documents = static_cast<int64_t>(facts->paths.size());
  int64_t most = 0;
  for (const auto& [separator, count] : ends) {
    if (count < 10 || count < facts->documents || count < most) continue;
    facts->separator = separator;
    most = count;
  }
  if (most > 0) {
    // As many to a byte in what was not read.
    const double part = whole ? 1 : static_cast<double>(bytes) / facts->text_bytes;
    facts->documents = static_cast<int64_t>(static_cast<double>(most) / part);
  }
  facts->words = FirstWords(first);
  return OkStatus();
}

}  // namespace

Status LookAtText(TextFacts* facts) {
  for (const std::string& path : facts->paths) {
    BRAID_ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(path));
    const bool packed = corpus::CompressionOfFile(path) != corpus::Compression::kNone;
    facts->bytes += static_cast<int64_t>(bytes);
    facts->text_bytes += static_cast<double>(bytes) * (packed ? recipe::kCompression : 1);
  }
  if (facts->bytes == 0)
    return InvalidArgument(facts->paths.front() + " is empty: there is nothing to train on");
  if (const auto format = corpus::ColumnarFormatOfFile(facts->paths.front()))
    return LookAtColumns(*format, facts);
  if (corpus::IsTarFile(facts->paths.front())) return LookAtSamples(facts);
  BRAID_ASSIGN_OR_RETURN(facts->rows, BeginsWithRow(facts->paths.front()));
  return facts->rows ? LookAtRows(facts) : LookAtPlainText(facts);
}

Result<int64_t> WritePassages(const TextFacts& facts, const std::string& path) {
  const auto wanted = static_cast<size_t>(
      std::clamp(facts.text_bytes / kPassages, kShortPassage, kLongPassage));
  std::string rows, passage;
  int64_t count = 0;
  const auto end = [&] {
    if (!Trim(passage).empty()) {
      rows += Json({{"text", passage}}).dump() + "\n";
      ++count;
    }
    passage.clear();
  };
  for (const std::string& file : facts.paths) {
    const auto take = [&](std::string_view line, int64_t number) -> Status {
      BRAID_RETURN_IF_ERROR(CheckUtf8(line, file, number));
      const bool blank = Trim(line).empty();
      const bool separates = !facts.separator.empty() && line == facts.separator;
      if (separates || (blank && passage.size() >= wanted) || passage.size() >= 2 * wanted) end();
      if (separates || (blank && passage.empty())) return OkStatus();
      // A line that is longer than a passage is cut between words.
      for (size_t space = line.find(' ', wanted);
           line.size() > 2 * wanted && space != std::string_view::npos;
           space = line.find(' ', wanted)) {
        passage += std::string(line.substr(0, space)) + "\n";
        end();
        line.remove_prefix(space + 1);
      }
      passage += std::string(line) + "\n";
      return OkStatus();
    };
    BRAID_RETURN_IF_ERROR(corpus::ReadLines(file, take));
    end();
  }
  if (count < 2) {
    return InvalidArgument(facts.paths.front() +
                           " holds too little text to hold some of it out: no two passages of " +
                           std::to_string(wanted) + " bytes");
  }
  BRAID_RETURN_IF_ERROR(CreateFileAtomic(path, rows));
  return count;
}

}  // namespace braid::submit
