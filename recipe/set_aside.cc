#include "recipe/set_aside.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace braid::recipe {
namespace {

constexpr const char* kPrepare = "prepare";

bool IsRead(const Dag& dag, const std::string& corpus) {
  return std::any_of(dag.jobs.begin(), dag.jobs.end(), [&](const JobNode& job) {
    return job.kind != kPrepare && job.inputs.contains("data." + corpus);
  });
}

// A token is of one byte at least, and so is what ends a document, which gives one token more; a
// file ends its last one. Tokenizers that begin a text with a space add a byte to each.
int64_t MostTokens(const TextSize& size) {
  return 2 * (size.bytes + size.files);
}

}  // namespace

std::vector<ShortText> FindShortText(const Recipe& recipe, const Dag& dag,
                                     const std::map<std::string, TextSize>& sizes) {
  std::vector<ShortText> found;
  for (const Corpus& corpus : recipe.corpora) {
    const bool own = !corpus.validation.empty();
    const auto size = sizes.find((own ? "validation." : "source.") + corpus.name);
    // What is empty is said by whoever reads it.
    if (size == sizes.end() || size->second.bytes == 0 || !IsRead(dag, corpus.name)) continue;
    const double share = own ? 1 : recipe.validation.documents * corpus.sample;
    const auto likely = static_cast<int64_t>(
        std::llround(share * static_cast<double>(size->second.tokens)));
    const int64_t most = MostTokens(size->second);
    ShortText text{corpus.name, corpus.line, !size->second.compressed && most < recipe.sequence,
                   ""};
    if (!text.certain && likely >= recipe.sequence) continue;
    text.message = Format(
        "corpora.%s: %s %lld tokens are set aside for validation, not one sequence of %lld; ",
        corpus.name.c_str(), text.certain ? "at most" : "about",
        (long long)(text.certain ? most : likely), (long long)recipe.sequence);
    text.message += own ? "give it longer validation files, or lower sequence"
                        : "raise validation.documents, give it validation files, or lower sequence";
    found.push_back(std::move(text));
  }
  return found;
}

}  // namespace braid::recipe
