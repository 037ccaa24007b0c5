// The classes of tokens by which an analysis groups what it reads (docs/papers/dual_path.md#s6).
#pragma once

#include <cstdint>

#include "schema/words.h"

namespace braid::spec {

// WORD letters, NUM digits, PUNCT, SYM (mathematical and other symbols), SPACE nothing but white
// space, OTHER (special tokens, parts of characters): decided by the characters of a token alone.
// Behind these six, the parts of speech of Universal Dependencies that are none of them; only text
// with tags has those.
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
// The number of classes that need no tags, and of all classes.
inline constexpr int kCoarseClasses = 6;
inline constexpr int kTokenClasses = 20;
const schema::Words& WordsOf(TokenClass);

// Whether the class is a part of speech, which only tagged text has.
constexpr bool IsPartOfSpeech(TokenClass one) {
  return static_cast<int>(one) >= kCoarseClasses;
}
// Whether only untagged text has the class: tagged text divides it into parts of speech.
constexpr bool IsUntagged(TokenClass one) {
  return one == TokenClass::kWord || one == TokenClass::kOther;
}

}  // namespace braid::spec
