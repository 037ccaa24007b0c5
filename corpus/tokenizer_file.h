// Reading of the vocabulary of a tokenizer.json: entries, merges, added tokens. Internal to
// corpus/.
#pragma once

#include <string>

#include "base/json.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

// Reads the whole file into `rules`, except for the digest and the number of entries; eos_id is -1
// if the file has no <|endoftext|>. `what` names the file in errors.
Status ReadTokenizerFile(const Json& json, const std::string& what, Tokenizer::Rules* rules);

}  // namespace braid::corpus
