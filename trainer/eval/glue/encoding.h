// Examples of GLUE tasks as token ids (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/tokenizer.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

// How many tokens of each of two texts are kept.
struct Kept {
  size_t first = 0;
  size_t second = 0;
};
// Truncates two texts of `first` and `second` tokens to `length` tokens together, from their ends.
// The longer one loses tokens first; if both are longer than half, each keeps half, and the longer
// one the odd token (Hugging Face's `longest_first`).
Kept Truncated(size_t first, size_t second, size_t length);

// One example as token ids.
struct EncodedExample {
  // The tokens of the first text, then those of the second, with nothing between them. At least one
  // token: <|endoftext|> if there is no text.
  std::vector<int32_t> ids;
  double label = 0;
};
// Encodes examples in their order, each truncated to `length` tokens (Truncated).
std::vector<EncodedExample> EncodeExamples(const std::vector<Example>& examples,
                                           const corpus::Tokenizer& tokenizer,
                                           corpus::Encoder& encoder, int64_t length);

// The rows of one step. `ids` is [rows, sequence], row-major and padded on the right; row r has
// lengths[r] real tokens.
struct Batch {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
  std::vector<float> labels;
  int64_t sequence = 0;

  // The number of examples in the batch.
  int64_t rows() const { return static_cast<int64_t>(lengths.size()); }
};
// The examples order[first .. behind) of `examples`, padded to the longest of them.
Batch MakeBatch(const std::vector<EncodedExample>& examples, const std::vector<uint32_t>& order,
                size_t first, size_t behind, int32_t pad_id);

}  // namespace braid::trainer
