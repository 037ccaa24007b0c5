// The vocabulary of a tokenizer.json: entries, merges, added tokens. Internal to corpus/.
#pragma once

#include <string>

#include "base/json.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

// Reads the whole file into `rules`, all but its digest; eos_id is -1 if the file has no
// <|endoftext|>.
Status ReadTokenizerFile(const Json& json, const std::string& what, Tokenizer::Rules* rules);

}  // namespace braid::corpus
