#include "recipe/graph/text_size.h"

#include <algorithm>
#include <limits>

namespace braid::recipe {
namespace {

// A byte-level tokenizer without merges makes a token of each byte that it reads. NFC, the only
// normalisation that braid's tokenizers know, makes a text at most three times as long (U+1D160 has
// four bytes, and twelve after it). The fourth token is the end of a document, which takes at least
// one byte of its file.
constexpr int64_t kMaxTokensPerByte = 3 + 1;

// A field of a JSON row takes at least six bytes, `"a":"",`, which bounds the number of joined
// fields.
constexpr int64_t kFewestBytesOfField = 6;

// Of files of ids: their text_bytes is twice the number of ids (submit/sizes.cc).
constexpr double kBytesPerId = 2;

}  // namespace

int64_t EstimateTokens(const TextSize& size, bool ids) {
  return static_cast<int64_t>(size.text_bytes / (ids ? kBytesPerId : kBytesPerToken));
}

int64_t EstimateTokens(const Corpus& corpus, const TextSize& size) {
  double bytes = size.text_bytes * corpus.sample;
  if (corpus.bytes > 0) bytes = std::min(bytes, static_cast<double>(corpus.bytes));
  if (corpus.documents > 0 && size.document_bytes > 0)
    bytes = std::min(bytes, static_cast<double>(corpus.documents) * size.document_bytes);
  return static_cast<int64_t>(bytes / (corpus.token_files ? kBytesPerId : kBytesPerToken));
}

int64_t MostTokens(const Corpus& corpus, const TextSize& size) {
  // A template may add any amount of text to a message.
  if (corpus.chat) return std::numeric_limits<int64_t>::max();
  int64_t bytes = size.bytes;
  if (!corpus.join.empty()) {
    // The text between joined fields is in no file, so it is added.
    const auto joiner = static_cast<int64_t>(corpus.joiner.size());
    bytes += size.bytes / kFewestBytesOfField * joiner;
  }
  return kMaxTokensPerByte * bytes + size.files;
}

}  // namespace braid::recipe
