// How many tokens the files of a corpus become, as far as their sizes tell.
#pragma once

#include <cstdint>

#include "recipe/recipe.h"

namespace braid::recipe {

// Rough, for plans: English text in byte-level BPE, and how far gzip and zstd pack it.
inline constexpr double kBytesPerToken = 4.0;
inline constexpr double kCompression = 3.0;

// The files of one source.
struct TextSize {
  int64_t bytes = 0;  // as they are on disk
  int64_t files = 0;
  bool compressed = false;    // some of them: the text is larger than `bytes`
  double text_bytes = 0;      // of the text, estimated where files are compressed
  double document_bytes = 0;  // of one document on average; 0: not known
};

// Tokens of the files of `corpus` after its `sample` and its caps on documents and bytes; not after
// its cap on tokens, which is exact. Estimated, validation documents included.
int64_t EstimateTokens(const Corpus& corpus, const TextSize& size);
// The same for files that are taken whole, as those set aside.
int64_t EstimateTokens(const TextSize& size);

// No text of that size becomes more tokens than this, whatever tokenizer reads it and however it is
// normalised. REQUIRES: !size.compressed
int64_t MostTokens(const Corpus& corpus, const TextSize& size);

}  // namespace braid::recipe
