// The texts of a dual-path analysis in batches: token ids, the next token of each, and the class of
// each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/shards.h"
#include "corpus/tagged_text.h"
#include "corpus/token_class.h"

namespace braid::trainer {

// One text, cut into sequences of equal length.
struct DualText {
  // Some consecutive sequences of the text.
  struct Batch {
    // [sequences, sequence], row-major.
    std::vector<int32_t> ids, labels;
    // Of each of the ids.
    std::vector<corpus::TokenClass> classes;
    int64_t sequences = 0;
    // Index within the text of the batch's first sequence.
    int64_t first = 0;
  };
  // Of the corpus, or of the tagged file.
  std::string name;
  // Whether the classes are parts of speech; otherwise they are coarse.
  bool tagged = false;
  std::vector<Batch> batches;
};

// Up to `sequences` sequences of the held-out part of a corpus. `classes` has the class of each id
// of the vocabulary. kInvalidArgument if there is no sequence, or if the shards have an id beyond
// the vocabulary.
Result<DualText> TextOfShards(const corpus::Shards& set, int64_t sequence, int64_t sequences,
                              int32_t pad, const std::vector<corpus::TokenClass>& classes);
// The same for tagged text, cut into sequences as a corpus is.
Result<DualText> TextOfTags(const corpus::TaggedText& tagged, int64_t sequence, int64_t sequences,
                            int32_t pad);

}  // namespace braid::trainer
