// A coarse class of each token of a vocabulary, from its characters alone: what read-outs are grouped by where no tagger
// has been at the text (dual-path specification, section 6).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/tokenizer.h"

namespace braid::corpus {

// WORD letters, NUM digits, PUNCT, SYM (mathematical and other symbols), SPACE nothing but white space, OTHER (special
// tokens, parts of characters). A token with several kinds of characters takes the commonest, of equals the first of
// this order.
enum class TokenClass : uint8_t { kWord, kNum, kPunct, kSym, kSpace, kOther };
inline constexpr int kTokenClasses = 6;

const char* TokenClassName(TokenClass token_class);
// Of one text; leading and trailing white space does not count beside other characters.
TokenClass ClassOf(std::string_view text);
// Of every id of a model with this tokenizer, the pad included: [vocab].
std::vector<TokenClass> ClassesOf(const Tokenizer& tokenizer);

}  // namespace braid::corpus
