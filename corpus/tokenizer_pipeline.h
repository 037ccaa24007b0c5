// What a tokenizer.json does with text around its vocabulary. Internal to corpus/.
#pragma once

#include <string>

#include "base/json.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

// Reads normalizer and pre_tokenizer, and checks that nothing else (post_processor, truncation,
// padding) changes ids. What braid does not do is refused with the field; what means the same as
// something it does is taken, however it is written.
Status ReadPipeline(const Json& json, const std::string& what, Tokenizer::Rules* rules);

}  // namespace braid::corpus
