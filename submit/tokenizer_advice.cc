#include "submit/tokenizer_advice.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace braid::submit {
namespace {

// An embedding that is trained less often than that says little.
constexpr int64_t kEnoughTimes = 100;
// Larger files are no tokenizers, and would be read for nothing.
constexpr uint64_t kMostBytes = 64 << 20;
constexpr char kFileName[] = "tokenizer.json";

int64_t EntriesOf(const std::string& path) {
  const Result<uint64_t> size = FileSize(path);
  if (!size.ok() || *size > kMostBytes) return 0;
  const Result<Json> json = ReadJsonFile(path);
  if (!json.ok() || !json->is_object()) return 0;
  const Json model = json->value("model", Json());
  if (!model.is_object() || !model.contains("vocab")) return 0;
  return static_cast<int64_t>(model["vocab"].size());
}

int64_t TimesMet(int64_t tokens, int64_t entries) {
  return tokens / std::max<int64_t>(entries, 1);
}

}  // namespace

std::vector<FoundTokenizer> FindTokenizers(const std::string& folder) {
  std::vector<std::string> paths = {kFileName};
  const auto names = ListFolder(folder);
  for (size_t i = 0; names.ok() && i < names->size(); ++i) {
    if (!(*names)[i].starts_with('.')) paths.push_back(JoinPath((*names)[i], kFileName));
  }
  std::vector<FoundTokenizer> found;
  for (const std::string& name : paths) {
    const std::string path = folder == "." ? name : JoinPath(folder, name);
    if (!IsFolder(path) && PathExists(path)) {
      if (const int64_t entries = EntriesOf(path); entries > 0) found.push_back({path, entries});
    }
  }
  return found;
}

std::string TokenizerAdvice(int64_t tokens, int64_t entries,
                            const std::vector<FoundTokenizer>& found) {
  const auto count = [](int64_t value) { return FormatCount(static_cast<double>(value)); };
  std::string text =
      "tokenizer: one of " + std::to_string(entries) +
      " entries is trained on this text, of which each is then met about " +
      count(TimesMet(tokens, entries)) + " times in its " + count(tokens) +
      " tokens; with more entries, more of them would be met too rarely to be learnt";
  for (const FoundTokenizer& one : found) {
    const std::string is = "\n  " + one.path + " is here, of " + std::to_string(one.entries) +
                           " entries";
    const int64_t times = TimesMet(tokens, one.entries);
    text += times >= kEnoughTimes
                ? is + ", each met about " + count(times) + " times: --tokenizer " + one.path +
                      " takes it, so that models can be compared with those that have it"
                : is + ", each met about " + count(times) +
                      " times: too many for so little text, unless models are to be compared with "
                      "those that have it (--tokenizer " +
                      one.path + ")";
  }
  return text;
}

}  // namespace braid::submit
