#include "trainer/eval/blimp/pairs.h"

#include <map>

#include "base/file.h"
#include "base/json.h"
#include "corpus/lines.h"

namespace braid::trainer {
namespace {

// "adjunct_island" for "data/adjunct_island.jsonl.gz", nothing for another kind of file.
std::string ParadigmOf(std::string_view path) {
  std::string_view name = BaseName(path);
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  }
  if (!name.ends_with(".jsonl")) return "";
  name.remove_suffix(std::string_view(".jsonl").size());
  return std::string(name);
}

Result<std::string> Sentence(const Json& row, const char* field, const std::string& place) {
  const auto found = row.is_object() ? row.find(field) : row.end();
  if (!row.is_object() || found == row.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    return InvalidArgument(place + ": the row has no text in field " + field + "; BLiMP's rows have sentence_good and sentence_bad");
  }
  return found->get<std::string>();
}

Result<Paradigm> ReadParadigm(const std::string& path, const std::string& name, int64_t pairs) {
  Paradigm paradigm{name, {}};
  const Status read = corpus::ReadLines(path, [&](std::string_view line, int64_t number) -> Status {
    const std::string place = path + ":" + std::to_string(number);
    BRAID_ASSIGN_OR_RETURN(const Json row, ParseJson(line, place));
    Paradigm::Pair pair;
    BRAID_ASSIGN_OR_RETURN(pair.good, Sentence(row, "sentence_good", place));
    BRAID_ASSIGN_OR_RETURN(pair.bad, Sentence(row, "sentence_bad", place));
    paradigm.pairs.push_back(std::move(pair));
    // Ends the reading early; told apart from a real error below.
    return pairs > 0 && static_cast<int64_t>(paradigm.pairs.size()) >= pairs ? Cancelled("") : OkStatus();
  });
  if (!read.ok() && read.code() != StatusCode::kCancelled) return read;
  if (paradigm.pairs.empty()) return InvalidArgument(path + ": no pairs in this file");
  return paradigm;
}

}  // namespace

Result<std::vector<Paradigm>> ReadBlimp(const std::string& folder, int64_t pairs) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListTree(folder));
  std::map<std::string, std::string> paths;  // by paradigm
  for (const std::string& file : files) {
    const std::string name = ParadigmOf(file);
    if (name.empty()) continue;
    if (const auto [at, is_new] = paths.emplace(name, file); !is_new) {
      return InvalidArgument(folder + ": " + at->second + " and " + file + " are both paradigm " + name + "; keep one");
    }
  }
  if (paths.empty()) return InvalidArgument(folder + ": no <paradigm>.jsonl here; unpack BLiMP's data folder into it");
  std::vector<Paradigm> paradigms;
  for (const auto& [name, file] : paths) {
    BRAID_ASSIGN_OR_RETURN(Paradigm paradigm, ReadParadigm(JoinPath(folder, file), name, pairs));
    paradigms.push_back(std::move(paradigm));
  }
  return paradigms;
}

}  // namespace braid::trainer
