// The classes of tokens by which read-outs are grouped (docs/papers/dual_path.md#s6): coarse
// classes, which follow from the characters of a token, and parts of speech of tagged text
// (tagged_text.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/tokenizer.h"

namespace braid::corpus {

// The coarse classes are WORD (letters), NUM (digits), PUNCT, SYM (mathematical and other symbols),
// SPACE (nothing but white space) and OTHER (special tokens, parts of characters). A token with
// several kinds of characters has the most frequent one, of equally frequent ones the first in this
// order. After these six follow the parts of speech of Universal Dependencies that are not among
// them.
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

// The number of coarse classes, and of all classes.
inline constexpr int kCoarseClasses = 6;
inline constexpr int kTokenClasses = 20;

// The name in results: "VERB".
const char* TokenClassName(TokenClass token_class);
// The class of a name; nullopt for a name that is none.
std::optional<TokenClass> TokenClassOfName(std::string_view name);
// The coarse class of a text. White space counts only if there are no other characters.
TokenClass ClassOf(std::string_view text);
// The coarse class of every id of a model with this tokenizer, the pad included: [vocab].
std::vector<TokenClass> ClassesOf(const Tokenizer& tokenizer);

}  // namespace braid::corpus
