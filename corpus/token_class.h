// The classes of tokens by which read-outs are grouped (docs/papers/dual_path.md#s6): coarse
// classes, which follow from the characters of a token, and parts of speech of tagged text
// (tagged_text.h).
#pragma once

#include <string_view>
#include <vector>

#include "corpus/tokenizer.h"
#include "spec/evaluate/token_class.h"

namespace braid::corpus {

using spec::kCoarseClasses;
using spec::kTokenClasses;
using spec::TokenClass;

// The coarse class of one text: that of most of its characters, of equals the first; leading and
// trailing white space does not count beside other characters.
TokenClass ClassOf(std::string_view text);
// The coarse class of every id of a model with this tokenizer, the pad included: [vocab].
std::vector<TokenClass> ClassesOf(const Tokenizer& tokenizer);

}  // namespace braid::corpus
