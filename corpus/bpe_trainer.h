// Training of byte-level BPE. The result equals that of BpeTrainer in the `tokenizers` package
// (initial alphabet of all 256 bytes, no minimum frequency): the most frequent pair is merged
// first, of equally frequent pairs the one with the smallest ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

class PieceCounts;

// Counts the pieces of the training text, then learns the merges. Not thread-safe.
class BpeTrainer {
 public:
  // Documents are counted on so many threads. REQUIRES: threads >= 1.
  explicit BpeTrainer(size_t threads = 1);
  ~BpeTrainer();
  // Counts the pieces of `text` (pretokenizer.h). Invalid UTF-8 counts as U+FFFD.
  void Add(std::string_view text);
  // The same for many documents; on all threads, which take one document at a time.
  void Add(const std::vector<std::string>& documents);
  // Learns merges until the vocabulary has exactly `entries` entries, and returns the content of a
  // tokenizer.json: <|endoftext|> is id 0, then come the 256 bytes in the order of their
  // characters, then the merges. kInvalidArgument if the text has too few pairs; the message says
  // how many entries it gives.
  Result<Json> Train(int64_t entries) const;

 private:
  // Of each thread.
  std::vector<std::unique_ptr<PieceCounts>> pieces_;
};

}  // namespace braid::corpus
