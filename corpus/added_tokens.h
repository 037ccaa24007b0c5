// Tokens that are found in the text as it stands, before it is cut into pieces: <|endoftext|>,
// GPT-NeoX's runs of spaces. The leftmost is taken, of several there the longest. Internal to
// corpus/.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace braid::corpus {

struct AddedToken {
  std::string content;
  int32_t id = 0;
};

class AddedTokens {
 public:
  // REQUIRES: content is not empty.
  void Add(AddedToken token);
  bool empty() const { return count_ == 0; }

  // The token that begins at `at`, or null.
  const AddedToken* At(std::string_view text, size_t at) const {
    const auto first = static_cast<unsigned char>(text[at]);
    if (by_first_[first].empty()) return nullptr;
    const auto second = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : 0);
    return beginnings_[first << 8 | second] ? LongestAt(text, at) : nullptr;
  }

  // Calls `plain` with the text between the tokens (never empty) and `token` with the id of each
  // token, in order.
  template <typename Plain, typename Token>
  void Split(std::string_view text, Plain plain, Token token) const {
    size_t from = 0;
    for (size_t at = empty() ? text.size() : 0; at < text.size();) {
      const AddedToken* found = At(text, at);
      if (found == nullptr) {
        ++at;
        continue;
      }
      if (at > from) plain(text.substr(from, at - from));
      token(found->id);
      from = at += found->content.size();
    }
    if (from < text.size()) plain(text.substr(from));
  }

 private:
  const AddedToken* LongestAt(std::string_view text, size_t at) const;

  std::array<std::vector<AddedToken>, 256> by_first_;  // by first byte, longest first
  std::bitset<65536> beginnings_;  // first byte << 8 | second byte (any, for tokens of one byte)
  size_t count_ = 0;
};

}  // namespace braid::corpus
