// The classes by which read-outs are grouped (docs/papers/dual_path.md#s6): coarse ones from
// the characters of a token alone, and the parts of speech of text that a tagger has been at
// (tagged_text.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/tokenizer.h"

namespace braid::corpus {

// WORD letters, NUM digits, PUNCT, SYM (mathematical and other symbols), SPACE nothing but white
// space, OTHER (special tokens, parts of characters). A token with several kinds of characters
// takes the commonest, of equals the first of this order. Behind these six, the parts of speech of
// Universal Dependencies that are none of them.
enum class TokenClass : uint8_t {
  kWord,
  kNum,
  kPunct,
  kSym,
  kSpace,
  kOther,
  kAdj,
  kAdp,
  kAdv,
  kAux,
  kCconj,
  kDet,
  kIntj,
  kNoun,
  kPart,
  kPron,
  kPropn,
  kSconj,
  kVerb,
  kX
};
inline constexpr int kCoarseClasses = 6;
inline constexpr int kTokenClasses = 20;

const char* TokenClassName(TokenClass token_class);
// "VERB" is kVerb; nothing for a name that is none.
std::optional<TokenClass> TokenClassOfName(std::string_view name);
// The coarse class of one text; leading and trailing white space does not count beside other
// characters.
TokenClass ClassOf(std::string_view text);
// The coarse class of every id of a model with this tokenizer, the pad included: [vocab].
std::vector<TokenClass> ClassesOf(const Tokenizer& tokenizer);

}  // namespace braid::corpus
