#include "trainer/eval/blimp/pairs.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "corpus/file_names.h"
#include "corpus/lines.h"
#include "corpus/row.h"

namespace braid::trainer {
namespace {

// "adjunct_island" for "data/adjunct_island.jsonl.gz"; empty for other kinds of files.
std::string ParadigmOf(std::string_view path) {
  std::string name(BaseName(path)), lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // Files in unsupported compressions count as well, so that reading them fails with advice;
  // skipping them would change the result silently.
  for (const std::string_view packed : {".gz", ".zst", ".zstd", ".bz2", ".xz"}) {
    if (lower.ends_with(packed)) lower.erase(lower.size() - packed.size());
  }
  for (const std::string_view rows : {".jsonl", ".ndjson", ".jsonlines"}) {
    if (lower.ends_with(rows)) return name.substr(0, lower.size() - rows.size());
  }
  return "";
}

Result<std::string> Sentence(const corpus::Row& row, const char* field) {
  if (row.Has(field)) {
    Result<std::string> sentence = row.ReadText(field);
    if (!sentence.ok() || !sentence->empty()) return sentence;
  }
  return InvalidArgument(row.place() + ": the row has no text in field " + field +
                         corpus::InColumn(row.Column(field)) +
                         "; BLiMP's rows have sentence_good and sentence_bad");
}

Result<Paradigm> ReadParadigm(const corpus::CorpusFile& file, const std::string& name,
                              int64_t pairs) {
  Paradigm paradigm{name, {}};
  const auto take = [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty()) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(const corpus::Row row,
                           corpus::Row::Parse(line, file.name + ":" + std::to_string(number)));
    Paradigm::Pair pair;
    BRAID_ASSIGN_OR_RETURN(pair.good, Sentence(row, "sentence_good"));
    BRAID_ASSIGN_OR_RETURN(pair.bad, Sentence(row, "sentence_bad"));
    paradigm.pairs.push_back(std::move(pair));
    // The reader stops only at an error, so kCancelled ends it early; it is told apart from real
    // errors below.
    return pairs > 0 && static_cast<int64_t>(paradigm.pairs.size()) >= pairs ? Cancelled("")
                                                                             : OkStatus();
  };
  const Status read = corpus::ReadLines(file.path, take);
  if (!read.ok() && read.code() != StatusCode::kCancelled) return corpus::WithName(read, file);
  if (paradigm.pairs.empty()) return InvalidArgument(file.name + ": no pairs in this file");
  return paradigm;
}

}  // namespace

Result<std::vector<Paradigm>> ReadBlimp(const std::string& folder, int64_t pairs) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListTree(folder));
  BRAID_ASSIGN_OR_RETURN(const corpus::FileNames names, corpus::FileNames::Read(folder));
  std::map<std::string, std::string> paths;  // by paradigm
  for (const std::string& file : files) {
    const std::string name = ParadigmOf(file);
    if (name.empty()) continue;
    if (const auto [at, is_new] = paths.emplace(name, file); !is_new) {
      return InvalidArgument(names.folder() + ": " + at->second + " and " + file +
                             " are both paradigm " + name + "; keep one");
    }
  }
  if (paths.empty())
    return InvalidArgument(names.folder() +
                           ": no <paradigm>.jsonl here; unpack BLiMP's data folder into it");
  std::vector<Paradigm> paradigms;
  for (const auto& [name, file] : paths) {
    BRAID_ASSIGN_OR_RETURN(Paradigm paradigm, ReadParadigm(names.At(file), name, pairs));
    paradigms.push_back(std::move(paradigm));
  }
  return paradigms;
}

}  // namespace braid::trainer
