// Reading of the steps around the vocabulary in a tokenizer.json: normalization, pre-tokenization,
// post-processing. Internal to corpus/.
#pragma once

#include <string>

#include "base/json.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

// Reads normalizer and pre_tokenizer into `rules`, and checks that nothing else (truncation,
// padding) changes the ids of a text; what post_processor puts around a text is left out. A step
// that braid does not implement is an error that names its field; a step that means the same as an
// implemented one is accepted in every notation.
Status ReadPipeline(const Json& json, const std::string& what, Tokenizer::Rules* rules);

}  // namespace braid::corpus
