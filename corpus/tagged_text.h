// Text with part-of-speech tags, for read-outs by token class and interventions on classes
// (docs/papers/dual_path.md#s6, #s7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/file_names.h"
#include "corpus/token_class.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {

// The encoded documents of a file.
struct TaggedText {
  // The name of the file without its folder and endings.
  std::string name;
  // All documents one after the other, each followed by the end-of-document token.
  std::vector<int32_t> ids;
  // The class of each id.
  std::vector<TokenClass> classes;
};

// Reads a JSON lines file, compressed or not, with one document on each line:
//
//   {"text": "...", "tags": [[begin, end, "VERB"], ...]}
//
// where begin and end count characters (code points) and the tags are those of Universal
// Dependencies, or SPACE. A token gets the tag of the span with which it overlaps most, of equal
// ones the first. Tokens of digits, symbols and operators, or white space keep their coarse class.
// Tokens outside of all spans are X.
//
// Other fields and blank lines are ignored; what stands in another field does no harm (row.h).
// kInvalidArgument with file, line, field and column for a row of another form, and for text that
// the tokenizer normalizes, since its tags would be shifted.
Result<TaggedText> ReadTaggedText(const CorpusFile& file, const Tokenizer& tokenizer,
                                  Encoder& encoder);

// Checks the rows of such a file as far as that is possible without a tokenizer.
Status CheckTaggedText(const CorpusFile& file);

}  // namespace braid::corpus
