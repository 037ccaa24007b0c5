// How many tokens the files of a corpus become, judged by their sizes.
#pragma once

#include <cstdint>
#include <string>

#include "recipe/recipe.h"

namespace braid::recipe {

// Rough values for plans: bytes per token of English text in byte-level BPE, and the factor by
// which gzip and zstd compress it.
inline constexpr double kBytesPerToken = 4.0;
inline constexpr double kCompression = 3.0;

// The total size of the files of one source.
struct TextSize {
  // On disk.
  int64_t bytes = 0;
  int64_t files = 0;
  // Whether some are compressed, so that the text is larger than `bytes`.
  bool compressed = false;
  // Of the text; estimated for compressed files.
  double text_bytes = 0;
  // Why the text of a file is not known, which then counts with its size on disk; often empty.
  std::string unknown;
  // Mean size of a document; 0 if not known.
  double document_bytes = 0;
};

// Estimated tokens of the files of `corpus` after its `sample` and its caps on documents and bytes,
// held-out documents included. The cap on tokens is not applied: it is exact, and the caller knows
// it.
int64_t EstimateTokens(const Corpus& corpus, const TextSize& size);
// The same for files that are taken whole, such as those of `validation`; `ids`: of `token_files`.
int64_t EstimateTokens(const TextSize& size, bool ids);

// An upper bound for the tokens of any text of this size, with any tokenizer and any normalisation.
// REQUIRES: !size.compressed
int64_t MostTokens(const Corpus& corpus, const TextSize& size);

}  // namespace braid::recipe
