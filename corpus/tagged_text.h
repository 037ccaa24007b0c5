// Text that a part-of-speech tagger has been at: what per-class read-outs and class overrides by
// part of speech need (docs/papers/dual_path.md#s6, #s7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/token_class.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {

struct TaggedText {
  std::string name;                 // of the file, without its folder and endings
  std::vector<int32_t> ids;         // documents one after the other, an end behind each
  std::vector<TokenClass> classes;  // [ids]
};

// Reads a jsonl file, plain or compressed, whose rows are documents: {"text": "...", "tags":
// [[begin, end, "VERB"], ...]}, where begin and end count characters (code points) and tags are
// Universal POS ones, or SPACE. A token takes the tag of the span that it overlaps most, of equals
// the first; tokens of digits, of operators and symbols or of white space keep that class whatever
// the tagger says of them; what no span touches is X. kInvalidArgument with file, line and field
// for a row that is none, and for text that the tokenizer normalises, since its tags would be
// shifted.
Result<TaggedText> ReadTaggedText(const std::string& path, const Tokenizer& tokenizer,
                                  Encoder& encoder);

// What is wrong with the rows of such a file, as far as no tokenizer is needed to tell.
Status CheckTaggedText(const std::string& path);

}  // namespace braid::corpus
