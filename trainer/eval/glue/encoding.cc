#include "trainer/eval/glue/encoding.h"

#include <algorithm>

namespace braid::trainer {

Kept Truncated(size_t first, size_t second, size_t length) {
  if (first + second <= length) return {first, second};
  const size_t half = length / 2;
  // The shorter text keeps all of its tokens up to half of the length, and the other one gets the
  // rest.
  const size_t shorter = std::min({first, second, half});
  return first <= second ? Kept{shorter, length - shorter} : Kept{length - shorter, shorter};
}

std::vector<EncodedExample> EncodeExamples(const std::vector<Example>& examples,
                                           const corpus::Tokenizer& tokenizer,
                                           corpus::Encoder& encoder, int64_t length) {
  std::vector<EncodedExample> encoded;
  encoded.reserve(examples.size());
  std::vector<int32_t> second;
  for (const Example& example : examples) {
    std::vector<int32_t> ids;
    encoder.Encode(example.first, &ids);
    second.clear();
    encoder.Encode(example.second, &second);
    const Kept kept = Truncated(ids.size(), second.size(), static_cast<size_t>(length));
    ids.resize(kept.first);
    ids.insert(ids.end(), second.begin(),
               second.begin() + static_cast<std::ptrdiff_t>(kept.second));
    if (ids.empty()) ids.push_back(tokenizer.eos_id());
    encoded.push_back({std::move(ids), example.label});
  }
  return encoded;
}

Batch MakeBatch(const std::vector<EncodedExample>& examples, const std::vector<uint32_t>& order,
                size_t first, size_t behind, int32_t pad_id) {
  Batch batch;
  for (size_t i = first; i < behind; ++i) {
    batch.sequence = std::max(batch.sequence, static_cast<int64_t>(examples[order[i]].ids.size()));
  }
  batch.ids.assign((behind - first) * static_cast<size_t>(batch.sequence), pad_id);
  for (size_t i = first; i < behind; ++i) {
    const EncodedExample& example = examples[order[i]];
    std::copy(example.ids.begin(), example.ids.end(),
              batch.ids.begin() + static_cast<std::ptrdiff_t>(i - first) * batch.sequence);
    batch.lengths.push_back(static_cast<int32_t>(example.ids.size()));
    batch.labels.push_back(static_cast<float>(example.label));
  }
  return batch;
}

}  // namespace braid::trainer
