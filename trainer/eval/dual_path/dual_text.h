// The texts of a dual-path analysis, in batches: tokens, what comes behind each, and the class of
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

struct DualText {
  struct Batch {
    std::vector<int32_t> ids, labels;         // [sequences * sequence]
    std::vector<corpus::TokenClass> classes;  // of the ids
    int64_t sequences = 0;
    int64_t first = 0;  // sequence of the text that it begins with
  };
  std::string name;     // of the corpus, or of the tagged file
  bool tagged = false;  // classes are parts of speech; else they are coarse
  std::vector<Batch> batches;
};

// Up to `sequences` of what is set aside of a corpus. `classes` are those of the vocabulary.
// kInvalidArgument if there is none, or if the shards have an id beyond the vocabulary.
Result<DualText> TextOfShards(const corpus::Shards& set, int64_t sequence, int64_t sequences,
                              int32_t pad, const std::vector<corpus::TokenClass>& classes);
// The same of tagged text, cut like a corpus.
Result<DualText> TextOfTags(const corpus::TaggedText& tagged, int64_t sequence, int64_t sequences,
                            int32_t pad);

}  // namespace braid::trainer
