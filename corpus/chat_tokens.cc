#include "corpus/chat_tokens.h"

#include <set>

#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

ChatTokens::ChatTokens(const Tokenizer& tokenizer, const std::vector<std::string>& words) {
  const std::vector<TokenEntry>& entries = tokenizer.rules().added;
  AddedTokens all;
  for (const TokenEntry& entry : entries) all.Add({entry.content, entry.id});
  std::set<int32_t> in_words;
  for (const std::string& word : words)
    all.Split(word, [](std::string_view) {}, [&](int32_t id) { in_words.insert(id); });
  for (const TokenEntry& entry : entries) {
    if (in_words.contains(entry.id)) {
      markup.Add({entry.content, entry.id});
    } else if (!entry.special && !entry.searched.empty()) {
      (entry.normalized ? normalized : raw).Add({entry.searched, entry.id});
    }
  }
}

}  // namespace braid::corpus
