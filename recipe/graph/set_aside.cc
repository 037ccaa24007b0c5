#include "recipe/graph/set_aside.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

bool IsRead(const Dag& dag, const std::string& corpus) {
  return std::any_of(dag.jobs.begin(), dag.jobs.end(), [&](const JobNode& job) {
    return !task::IsKind(job.kind, task::JobKind::kPrepare) &&
           job.inputs.contains(task::role::Data(corpus));
  });
}

bool IsCapped(const Corpus& corpus) {
  return corpus.documents > 0 || corpus.bytes > 0 || corpus.tokens > 0;
}

// Held-out tokens of a corpus, probably and at most. If they are a share of its documents, both are
// bounded by the cap on tokens, which counts held-out documents, too.
struct SetAside {
  int64_t likely = 0;
  int64_t most = 0;
};
SetAside SetAsideOf(const Corpus& corpus, const TextSize& size, double share) {
  if (!corpus.validation.empty())
    return {EstimateTokens(size, corpus.token_files.has_value()), MostTokens(corpus, size)};
  SetAside tokens{EstimateTokens(corpus, size), MostTokens(corpus, size)};
  if (corpus.tokens > 0)
    tokens = {std::min(tokens.likely, corpus.tokens), std::min(tokens.most, corpus.tokens)};
  tokens.likely = std::llround(share * static_cast<double>(tokens.likely));
  return tokens;
}

// Adds those of one recipe that are not there yet.
void AddShortText(const Recipe& recipe, const Dag& dag,
                  const std::map<std::string, TextSize>& sizes, std::vector<ShortText>* found) {
  for (const Corpus& corpus : recipe.corpora) {
    const bool own = !corpus.validation.empty();
    const auto size = sizes.find(
        SourceName(own ? SourceKind::kValidation : SourceKind::kSource, corpus.name));
    // An empty source is reported by the code that reads it, with a better message.
    if (size == sizes.end() || size->second.bytes == 0 || !IsRead(dag, corpus.name)) continue;
    const SetAside tokens = SetAsideOf(corpus, size->second, recipe.validation.documents);
    ShortText text{corpus.name, corpus.line,
                   !size->second.compressed && tokens.most < recipe.sequence, ""};
    if (!text.certain && tokens.likely >= recipe.sequence) continue;
    text.message = Format(
        "corpora.%s: %s %lld tokens are set aside for validation, not one sequence of %lld; ",
        corpus.name.c_str(), text.certain ? "at most" : "about",
        (long long)(text.certain ? tokens.most : tokens.likely), (long long)recipe.sequence);
    text.message += own ? "give it longer validation files, or lower sequence"
                        : std::string("raise validation.documents") +
                              (IsCapped(corpus) ? " or the corpus's caps" : "") +
                              ", give it validation files, or lower sequence";
    const bool there = std::any_of(found->begin(), found->end(), [&](const ShortText& other) {
      return other.message == text.message;
    });
    if (!there) found->push_back(std::move(text));
  }
}

}  // namespace

std::vector<ShortText> FindShortText(const Recipe& recipe, const Dag& dag,
                                     const std::map<std::string, TextSize>& sizes) {
  std::vector<ShortText> found;
  for (const Recipe* trained : recipe.Trained()) AddShortText(*trained, dag, sizes, &found);
  return found;
}

}  // namespace braid::recipe
