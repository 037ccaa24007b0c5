// How well a model predicts the next token of given text files: loss, bits per byte, and how often
// the token is the most probable one or among the five most probable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/corpus.h"
#include "spec/evaluate/next_token.h"
#include "trainer/eval/evaluation.h"

namespace braid::trainer {

// The settings with every 0 replaced by the value that it stands for; `sequence` is that of the
// task. kInvalidArgument if the model has fewer positions than the window, or the stride is above
// it.
Result<spec::NextTokenSettings> FillNextToken(spec::NextTokenSettings settings,
                                              const model::ModelSpec& model, int64_t sequence,
                                              const std::string& path);

// Checks that the first document of each file can be read; errors name the file.
Status CheckNextTokenFiles(const spec::NextTokenSettings& settings,
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
                              const spec::NextTokenSettings& settings,
                              const std::vector<corpus::CorpusFile>& files,
                              const MeasureHooks& hooks);

}  // namespace braid::trainer
