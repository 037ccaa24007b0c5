// log p of whole sentences under a model, in batches of sentences of like length.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace braid::trainer {

// What scoring needs of a network. ids, labels: [batch, sequence]; the answer is [batch *
// sequence], log p of labels[i] given the ids of its row up to and with ids[i], 0 where the label
// is negative.
using TokenScorer = std::function<std::vector<float>(const int32_t* ids, const int32_t* labels,
                                                     int64_t batch, int64_t sequence)>;

struct ScoreOptions {
  int32_t eos_id = 0;
  int32_t pad_id = 0;
  int64_t batch_tokens = 4096;  // bounds batch * sequence, and with it memory
};

// Score of each of `sentences` (token ids, without the end token): the model reads <|endoftext|>
// and then the sentence; the score is the sum of log p of its tokens, without any normalisation by
// length (docs/papers/papaformer.md#s8.1). Rows are padded on the right. An empty sentence scores
// 0.
std::vector<double> ScoreSentences(const std::vector<std::vector<int32_t>>& sentences,
                                   const TokenScorer& scorer, const ScoreOptions& options);

}  // namespace braid::trainer
