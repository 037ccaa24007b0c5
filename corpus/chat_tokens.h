// The added tokens of a tokenizer in chats: those of the template stand only where the template
// wrote them, and not where somebody typed their names. Internal to corpus/.
#pragma once

#include <string>
#include <vector>

#include "corpus/added_tokens.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {

struct ChatTokens {
  // `words`: the texts of a template (ChatWriter::Words).
  ChatTokens(const Tokenizer& tokenizer, const std::vector<std::string>& words);

  // Searched for in the template's text alone: the added tokens that occur in it.
  AddedTokens markup;
  // Searched for in all text, before and after normalization: the others that the file does not
  // call special, such as GPT-NeoX's runs of spaces.
  AddedTokens raw;
  AddedTokens normalized;
};

}  // namespace braid::corpus
