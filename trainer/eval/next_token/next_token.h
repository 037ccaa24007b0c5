// How well a model predicts the next token of given text: loss, bits per byte, and how often the
// token is its first guess or among its first five.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/corpus.h"
#include "spec/evaluate/next_token.h"
#include "trainer/eval/evaluation.h"

namespace braid::trainer {

// With 0 replaced by what it stands for. kInvalidArgument if the model has fewer positions than the
// window, or the stride is above it.
Result<spec::NextTokenSettings> FillNextToken(spec::NextTokenSettings settings,
                                              const model::ModelSpec& model, int64_t sequence,
                                              const std::string& path);

// What is wrong with the first document of each file.
Status CheckNextTokenFiles(const spec::NextTokenSettings& settings,
                           const std::vector<corpus::CorpusFile>& files);

// Every document is read by itself, behind <|endoftext|>, which ends the one before it in training;
// its tokens are the targets, its own end is none. Loss is in nats a token; bytes are those of the
// text as it stands in the file. {"window", "stride", "files": {name: FILE}, "all": FILE} with FILE
// {"documents", "tokens", "bytes", "loss", "bits_per_byte", "top1", "top5"} (per cent) and, of each
// file, "groups": {"loss", "tokens", "bytes", "top1"}, sums over as many documents each, for
// intervals. A piece is a file. REQUIRES: FillNextToken was called.
Result<Json> MeasureNextToken(Network& network, const SharedTokenizer& tokenizer,
                              const spec::NextTokenSettings& settings,
                              const std::vector<corpus::CorpusFile>& files,
                              const MeasureHooks& hooks);

}  // namespace braid::trainer
