#include "corpus/added_tokens.h"

#include <algorithm>

namespace braid::corpus {

void AddedTokens::Add(AddedToken token) {
  const auto first = static_cast<unsigned char>(token.content[0]);
  if (token.content.size() > 1) {
    beginnings_.set(static_cast<size_t>(first) << 8 | static_cast<unsigned char>(token.content[1]));
  } else {
    for (size_t second = 0; second < 256; ++second)
      beginnings_.set(static_cast<size_t>(first) << 8 | second);
  }
  std::vector<AddedToken>& bucket = by_first_[first];
  // The longest token of a byte comes first, so that the first match is the longest.
  const auto place = std::upper_bound(
      bucket.begin(), bucket.end(), token,
      [](const auto& a, const auto& b) { return a.content.size() > b.content.size(); });
  bucket.insert(place, std::move(token));
  ++count_;
}

const AddedToken* AddedTokens::LongestAt(std::string_view text, size_t at) const {
  for (const AddedToken& token : by_first_[static_cast<unsigned char>(text[at])]) {
    if (text.substr(at, token.content.size()) == token.content) return &token;
  }
  return nullptr;
}

}  // namespace braid::corpus
