#include "recipe/graph/text_size.h"

#include <algorithm>

namespace braid::recipe {
namespace {

// A byte-level tokenizer without merges makes a token of each byte of the text that it reads, and
// composition (NFC, the one normalisation that braid's tokenizers know) makes a text up to three
// times as long: U+1D160, four bytes, is written as twelve. (Unicode's bound for NFKC, eleven, is
// not needed.) One token more ends a document, which is a byte of its file at least.
constexpr int64_t kMaxTokensPerByte = 3 + 1;

// A row of n joined fields, `"a":"",` each, takes more than six bytes a field.
constexpr int64_t kFewestBytesOfField = 6;

}  // namespace

int64_t EstimateTokens(const TextSize& size) {
  return static_cast<int64_t>(size.text_bytes / kBytesPerToken);
}

int64_t EstimateTokens(const Corpus& corpus, const TextSize& size) {
  double bytes = size.text_bytes * corpus.sample;
  if (corpus.bytes > 0) bytes = std::min(bytes, static_cast<double>(corpus.bytes));
  if (corpus.documents > 0 && size.document_bytes > 0)
    bytes = std::min(bytes, static_cast<double>(corpus.documents) * size.document_bytes);
  return static_cast<int64_t>(bytes / kBytesPerToken);
}

int64_t MostTokens(const Corpus& corpus, const TextSize& size) {
  int64_t bytes = size.bytes;
  if (!corpus.join.empty()) {
    // What stands between fields is in no file.
    const auto joiner = static_cast<int64_t>(corpus.joiner.size());
    bytes += size.bytes / kFewestBytesOfField * joiner;
  }
  return kMaxTokensPerByte * bytes + size.files;
}

}  // namespace braid::recipe
