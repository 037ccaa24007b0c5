// How well a model predicts the next token of given text files: loss, bits per byte, and how often
// the token is the most probable one or among the five most probable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/corpus.h"
#include "trainer/eval/evaluation.h"

namespace braid::trainer {

struct NextTokenSettings {
  // Tokens of one pass; 0 for `sequence` of the evaluation.
  int64_t window = 0;
  // As in WindowsOf; 0 for half of the window.
  int64_t stride = 0;
  // How files are read, and how many documents of each.
  corpus::CorpusSpec text;
};

// Reads the settings (docs/tasks.md, `evaluate`, `next_token`). Errors name the field, with `path`
// in front.
Result<NextTokenSettings> NextTokenSettingsFromJson(const Json& json, const std::string& path);

// Replaces zeros by the defaults that they stand for. kInvalidArgument if the model has fewer
// positions than the window, or if the stride is above the window.
Result<NextTokenSettings> FillNextToken(NextTokenSettings settings, const model::ModelSpec& model,
                                        int64_t sequence, const std::string& path);

// Reads the first document of each file, and returns the first error.
Status CheckNextTokenFiles(const NextTokenSettings& settings,
                           const std::vector<corpus::CorpusFile>& files);

// Measures the files; each file is a piece of hooks.once. REQUIRES: `settings` are those of
// FillNextToken.
//
// Every document is read separately after <|endoftext|>, which ends the document before it in
// training. Its tokens are the targets; its own end is not. Losses are in nats per token, and bytes
// are those of the text in the file. The result is {"window", "stride", "files": {name: FILE},
// "all": FILE}, where FILE is {"documents", "tokens", "bytes", "loss", "bits_per_byte", "top1",
// "top5"} (the last two in per cent). The FILE of a file also has "groups": {"loss", "tokens",
// "bytes", "top1"}, sums over groups of as many documents each, for confidence intervals.
Result<Json> MeasureNextToken(Network& network, const SharedTokenizer& tokenizer,
                              const NextTokenSettings& settings,
                              const std::vector<corpus::CorpusFile>& files,
                              const MeasureHooks& hooks);

}  // namespace braid::trainer
