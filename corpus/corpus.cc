#include "corpus/corpus.h"

#include <algorithm>
#include <limits>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "corpus/lines.h"
#include "corpus/pieces.h"

namespace braid::corpus {
namespace {

bool IsJsonLines(std::string_view path) {
  for (const char* ending : {".gz", ".zst", ".zstd"}) {
    if (path.ends_with(ending)) path.remove_suffix(std::string_view(ending).size());
  }
  return path.ends_with(".jsonl") || path.ends_with(".ndjson") || path.ends_with(".json");
}

constexpr size_t kMaxDocument = size_t{256} << 20;

Result<const Json*> FieldOfRow(const CorpusSpec& spec, const std::string& place, const Json& row, const std::string& field) {
  if (!row.is_object()) return InvalidArgument(place + ": the row is not a JSON object");
  const auto found = row.find(field);
  if (found != row.end()) return &*found;
  std::vector<std::string> names;
  for (const auto& [name, value] : row.items()) names.push_back(name);
  return InvalidArgument(place + ": the row has no field \"" + field + "\"; it has " +
                         (names.empty() ? "none" : Join(names, ", ")) + " (corpora." + spec.name +
                         (spec.input_ids.empty() ? ".text or .join names the field)" : ".input_ids names the field)"));
}

// The text of one row, or an error that names its place.
Result<std::string> TextOfRow(const CorpusSpec& spec, const std::string& place, const Json& row) {
  const std::vector<std::string> fields = spec.join.empty() ? std::vector<std::string>{spec.text.empty() ? "text" : spec.text}
                                                            : spec.join;
  std::vector<std::string> parts;
  for (const std::string& field : fields) {
    BRAID_ASSIGN_OR_RETURN(const Json* value, FieldOfRow(spec, place, row, field));
    if (!value->is_string()) return InvalidArgument(place + ": field \"" + field + "\" is not text");
    parts.push_back(value->get<std::string>());
  }
  return Join(parts, spec.joiner);
}

// The ids of one row of an import.
Result<std::vector<int32_t>> IdsOfRow(const CorpusSpec& spec, const std::string& place, const Json& row, int64_t limit) {
  BRAID_ASSIGN_OR_RETURN(const Json* value, FieldOfRow(spec, place, row, spec.input_ids));
  if (!value->is_array()) return InvalidArgument(place + ": field \"" + spec.input_ids + "\" is not a list of ids");
  std::vector<int32_t> ids;
  for (const Json& id : *value) {
    // Read from text, a whole number without a sign is an unsigned one.
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(limit)) {
      return InvalidArgument(Format("%s: %s in field \"%s\" is no id of the tokenizer, which has 0 .. %lld; import it with the "
                                    "tokenizer that made it",
                                    place.c_str(), id.dump().c_str(), spec.input_ids.c_str(), (long long)limit - 1));
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// Sampling and caps, then on to the user of the documents.
class Selector {
 public:
  Selector(const CorpusSpec& spec, uint64_t seed, const std::function<Status(Document)>& use)
      : spec_(spec), use_(use), draws_(seed, "sample/" + spec.name) {}

  Status Offer(Document document) {
    if (Trim(document.text).empty() && document.ids.empty()) return OkStatus();
    const uint64_t index = document.index = index_++;
    if (spec_.sample < 1.0 && draws_.Uniform(index) >= spec_.sample) return OkStatus();
    if (spec_.documents > 0 && documents_ >= spec_.documents) return Cancelled("cap");
    if (spec_.bytes > 0 && bytes_ >= spec_.bytes) return Cancelled("cap");
    ++documents_;
    bytes_ += static_cast<int64_t>(document.bytes());
    return use_(std::move(document));
  }
  int64_t documents() const { return documents_; }
  uint64_t seen() const { return index_; }

 private:
  const CorpusSpec& spec_;
  const std::function<Status(Document)>& use_;
  const RandomStream draws_;
  uint64_t index_ = 0;
  int64_t documents_ = 0;
  int64_t bytes_ = 0;
};

Status ReadJsonLines(const CorpusSpec& spec, const std::string& path, int64_t id_limit, Selector* selector) {
  return ReadLines(path, [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty()) return OkStatus();
    const std::string place = path + ":" + std::to_string(number);
    BRAID_ASSIGN_OR_RETURN(const Json row, ParseJson(line, place));
    Document document;
    if (spec.input_ids.empty()) {
      BRAID_ASSIGN_OR_RETURN(document.text, TextOfRow(spec, place, row));
    } else {
      BRAID_ASSIGN_OR_RETURN(document.ids, IdsOfRow(spec, place, row, id_limit));
    }
    return selector->Offer(std::move(document));
  });
}

// Text of another encoding would train as noise, so it is refused at its first bad line.
Status CheckUtf8(const std::string& path, std::string_view text, int64_t first_line) {
  if (IsUtf8(text)) return OkStatus();
  int64_t line = first_line;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos && IsUtf8(text.substr(0, end)); ++line) {
    text.remove_prefix(end + 1);
  }
  return InvalidArgument(path + ":" + std::to_string(line) + ": the line is not UTF-8; convert the file (iconv -t UTF-8) or "
                         "take it out of the corpus");
}

// A document is in memory as a whole, so a corpus in one file must say where its documents end.
Status CheckDocument(const CorpusSpec& spec, const std::string& path, const std::string& text) {
  if (text.size() <= kMaxDocument) return OkStatus();
  return InvalidArgument(path + ": a document is above 256 MiB; " +
                         (spec.separator.empty() ? "corpora." + spec.name + ".separator can name the line between documents"
                                                 : "is \"" + spec.separator + "\" the line between documents?"));
}

Status ReadPlainText(const CorpusSpec& spec, const std::string& path, Selector* selector) {
  std::string text;
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
    return selector->Offer({.text = std::move(document)});
  });
  return status.ok() ? selector->Offer({.text = std::string(Trim(text))}) : status;
}

}  // namespace

Json ToJson(const CorpusSpec& spec) {
  Json json = {{"name", spec.name}, {"files", spec.files}, {"joiner", spec.joiner}, {"sample", spec.sample},
               {"documents", spec.documents}, {"bytes", spec.bytes}, {"tokens", spec.tokens}};
  if (!spec.text.empty()) json["text"] = spec.text;
  if (!spec.join.empty()) json["join"] = spec.join;
  if (!spec.separator.empty()) json["separator"] = spec.separator;
  if (!spec.input_ids.empty()) json["input_ids"] = spec.input_ids;
  return json;
}

Result<CorpusSpec> CorpusFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  CorpusSpec spec;
  spec.name = read.RequireString("name");
  spec.files = read.Strings("files");
  spec.text = read.String("text", "");
  spec.join = read.Strings("join");
  spec.joiner = read.String("joiner", "\n");
  spec.separator = read.String("separator", "");
  spec.input_ids = read.String("input_ids", "");
  spec.sample = read.Double("sample", 1.0);
  spec.documents = read.Int("documents", 0);
  spec.bytes = read.Int("bytes", 0);
  spec.tokens = read.Int("tokens", 0);
  if (!spec.text.empty() && !spec.join.empty()) read.Fail("join", "text and join exclude each other");
  if (!spec.input_ids.empty()) {
    if (!spec.text.empty() || !spec.join.empty() || !spec.separator.empty()) {
      read.Fail("input_ids", "the rows hold ids, not text: text, join and separator exclude it");
    }
    if (spec.bytes != 0) read.Fail("bytes", "ids have none; tokens caps an import by input_ids");
  }
  if (!(spec.sample > 0 && spec.sample <= 1)) read.Fail("sample", "must be above 0 and at most 1");
  for (const auto& [name, cap] : {std::pair{"documents", spec.documents}, {"bytes", spec.bytes}, {"tokens", spec.tokens}}) {
    if (cap < 0) read.Fail(name, "must not be negative");
  }
  BRAID_RETURN_IF_ERROR(read.Finish());
  return spec;
}

Result<std::vector<std::string>> CorpusFiles(const CorpusSpec& spec, const std::string& folder) {
  std::vector<std::string> files;
  if (!folder.empty()) {
    BRAID_ASSIGN_OR_RETURN(files, ListTree(folder));
    for (std::string& file : files) file = JoinPath(folder, file);
  } else {
    for (const std::string& pattern : spec.files) {
      BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> found, Glob(pattern));
      files.insert(files.end(), found.begin(), found.end());
    }
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  if (files.empty()) return NotFound("corpus " + spec.name + " has no files");
  return files;
}

namespace {

Status ReadFile(const CorpusSpec& spec, const std::string& file, int64_t id_limit, Selector* selector) {
  if (!spec.input_ids.empty() && !IsJsonLines(file)) {
    return InvalidArgument(file + ": corpora." + spec.name + ".input_ids reads rows of jsonl files, and this is none");
  }
  return IsJsonLines(file) ? ReadJsonLines(spec, file, id_limit, selector) : ReadPlainText(spec, file, selector);
}

Status EmptyCorpus(const CorpusSpec& spec, const std::vector<std::string>& files, uint64_t seen) {
  return InvalidArgument(Format("corpus %s is empty: %zu files (%s%s) hold %llu documents with %s%s", spec.name.c_str(), files.size(),
                                files.front().c_str(), files.size() > 1 ? ", ..." : "", (unsigned long long)seen,
                                spec.input_ids.empty() ? "text" : "ids", seen > 0 ? ", and the sample takes none of them" : ""));
}

}  // namespace

Status ReadDocuments(const CorpusSpec& spec, const std::vector<std::string>& files, uint64_t seed,
                     const std::function<Status(Document)>& use, int64_t id_limit) {
  Selector selector(spec, seed, use);
  for (const std::string& file : files) {
    const Status status = ReadFile(spec, file, id_limit, &selector);
    if (status.code() == StatusCode::kCancelled) return OkStatus();
    BRAID_RETURN_IF_ERROR(status);
  }
  return selector.documents() > 0 ? OkStatus() : EmptyCorpus(spec, files, selector.seen());
}

Status CheckCorpus(CorpusSpec spec, const std::vector<std::string>& files) {
  spec.sample = 1;
  spec.documents = spec.bytes = 0;
  const std::function<Status(Document)> first = [](Document) { return Cancelled("the first one is enough"); };
  Selector selector(spec, 0, first);
  for (const std::string& file : files) {
    const Status status = ReadFile(spec, file, std::numeric_limits<int32_t>::max(), &selector);
    if (!status.ok() && status.code() != StatusCode::kCancelled) return status;
  }
  return selector.documents() > 0 ? OkStatus() : EmptyCorpus(spec, files, 0);
}

}  // namespace braid::corpus
