#include "corpus/added_tokens.h"

#include <gmock/gmock.h>

#include "base/random.h"

namespace braid::corpus {
namespace {

// By the definition: at every place the longest token, from left to right.
std::string SplitByDefinition(const std::vector<std::string>& tokens, std::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    size_t longest = 0, id = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].size() > longest && text.substr(at, tokens[i].size()) == tokens[i]) {
        longest = tokens[i].size();
        id = i;
      }
    }
    if (longest > 0) {
      shown += "[" + std::to_string(id) + "]";
      at += longest;
    } else {
      shown += text[at++];
    }
  }
  return shown;
}

std::string Split(const std::vector<std::string>& tokens, std::string_view text) {
  AddedTokens added;
  for (size_t i = 0; i < tokens.size(); ++i) added.Add({tokens[i], static_cast<int32_t>(i)});
  std::string shown;
  added.Split(
      text,
      [&](std::string_view plain) {
        EXPECT_FALSE(plain.empty());
        shown += plain;
      },
      [&](int32_t id) { shown += "[" + std::to_string(id) + "]"; });
  return shown;
}

// Few beginnings, which are looked for together; many; and tokens of one byte.
TEST(AddedTokensTest, TheLeftmostAndLongestTokensAreFound) {
  const std::vector<std::vector<std::string>> sets = {
      {},
      {"<|end|>"},
      {"<|end|>", "<|", "  ", "    ", "ab"},
      {"ab", "ba", "aa", "bb", "<|", "|>", "  "},
      {"a", "ab", "<|end|>"},
      {"\xFF\xFE", "<\xC3"},
  };
  const std::vector<std::string> parts = {
      "<|end|>", "<|", "|", ">", "<", "a", "b", " ", "  ", "x", "\xFF\xFE", "\xC3", "plain text"};
  const RandomStream draws(1, "text");
  for (const auto& tokens : sets) {
    for (uint64_t length = 0; length < 120; ++length) {
      std::string text;
      for (uint64_t i = 0; i < length; ++i)
        text += parts[draws.Below(1000 * length + i, parts.size())];
      ASSERT_EQ(Split(tokens, text), SplitByDefinition(tokens, text)) << text;
    }
  }
}

}  // namespace
}  // namespace braid::corpus
