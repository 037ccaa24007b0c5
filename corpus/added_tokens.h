// Added tokens: tokens such as <|endoftext|> and GPT-NeoX's runs of spaces that are found in the
// text as it is, before it is cut into pieces. Of several matches the leftmost wins, of several at
// one place the longest. Internal to corpus/.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace braid::corpus {

// The text and the id of an added token.
struct AddedToken {
  std::string content;
  int32_t id = 0;
};

// The added tokens of a tokenizer. Thread-safe once all tokens are added.
class AddedTokens {
 public:
  // Adds a token. REQUIRES: its content is not empty.
  void Add(AddedToken token);
  bool empty() const { return count_ == 0; }

  // The longest token that begins at byte `at` of `text`; null if there is none.
  const AddedToken* At(std::string_view text, size_t at) const {
    const auto first = static_cast<unsigned char>(text[at]);
    if (by_first_[first].empty()) return nullptr;
    const auto second = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : 0);
    return beginnings_[first << 8 | second] ? LongestAt(text, at) : nullptr;
  }

  // Cuts `text` at its tokens: calls `plain` with each non-empty stretch between tokens and `token`
  // with the id of each token, in their order.
  template <typename Plain, typename Token>
  void Split(std::string_view text, Plain plain, Token token) const {
    size_t from = 0;
    for (Found found = Next(text, 0); found.token != nullptr; found = Next(text, from)) {
      if (found.at > from) plain(text.substr(from, found.at - from));
      token(found.token->id);
      from = found.at + found.token->content.size();
    }
    if (from < text.size()) plain(text.substr(from));
  }

 private:
  // The longest added token that begins at byte `at`; null if none does.
  const AddedToken* LongestAt(std::string_view text, size_t at) const;
  struct Found {
    const AddedToken* token;  // null if there is none
    size_t at;
  };
  // The first token from `at` on.
  Found Next(std::string_view text, size_t at) const;
  void AddBeginning(const std::string& content);

  // By the first byte, the longest first.
  std::array<std::vector<AddedToken>, 256> by_first_;
  // Which pairs (first byte << 8 | second byte) begin a token; all pairs for a token of one byte.
  std::bitset<65536> beginnings_;
  size_t count_ = 0;
  // The different first two bytes of the tokens; and whether they are so few that they are looked
  // for together, and all tokens have two.
  std::vector<std::array<char, 2>> first_two_;
  bool few_ = true;
};

}  // namespace braid::corpus
