// Examples as token ids (docs/papers/papaformer.md#s8.2, input).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/tokenizer.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

// Of two texts of `first` and `second` tokens: how many of each are kept so that both together are
// at most `length`. The longer one loses first; when both are longer than half, each gets half and
// the longer one the odd token (Hugging Face's `longest_first`). Tokens go from the end.
struct Kept {
  size_t first = 0;
  size_t second = 0;
};
Kept Truncated(size_t first, size_t second, size_t length);

struct EncodedExample {
  std::vector<int32_t> ids;  // of the first text, then of the second, nothing between; at least one
                             // (<|endoftext|> if there is no text)
  double label = 0;
};
std::vector<EncodedExample> EncodeExamples(const std::vector<Example>& examples,
                                           const corpus::Tokenizer& tokenizer,
                                           corpus::Encoder& encoder, int64_t length);

// Rows of one step. ids are [rows, sequence], padded on the right; row r has lengths[r] real
// tokens.
struct Batch {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
  std::vector<float> labels;
  int64_t sequence = 0;

  int64_t rows() const { return static_cast<int64_t>(lengths.size()); }
};
// Examples order[first .. behind) of `examples`, as long as the longest of them.
Batch MakeBatch(const std::vector<EncodedExample>& examples, const std::vector<uint32_t>& order,
                size_t first, size_t behind, int32_t pad_id);

}  // namespace braid::trainer
