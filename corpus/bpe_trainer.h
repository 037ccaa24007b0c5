// Training of byte-level BPE, equal in result to the `tokenizers` package's BpeTrainer (initial
// alphabet of all 256 bytes, no minimum frequency): the most frequent pair is merged first, of
// equals the one with the smallest ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

class BpeTrainer {
 public:
  // Counts the pieces of `text`. Invalid UTF-8 counts as U+FFFD.
  void Add(std::string_view text);
  // Counts of another trainer, so that documents may be counted by several threads.
  void Add(const BpeTrainer& other);
  // A tokenizer.json with exactly `entries` entries: <|endoftext|> is id 0, then the 256 bytes in
  // order of their characters, then the merges. kInvalidArgument if the text has too few pairs for
  // that; the message says how many.
  Result<Json> Train(int64_t entries) const;

 private:
  std::unordered_map<std::string, int64_t> counts_;  // piece -> how often
};

}  // namespace braid::corpus
