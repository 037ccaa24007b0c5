#include "corpus/added_tokens.h"

#include <algorithm>
#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace braid::corpus {
namespace {

// More beginnings than this are looked for byte by byte.
constexpr size_t kFew = 4;

#ifdef __SSE2__

// The first place from `at` on at which two adjacent bytes are among `pairs`; or, near the end of
// the text but before its end, where there are no 16 places left to look at together. REQUIRES: at
// is before the end.
size_t SkipByVectors(std::string_view text, size_t at,
                     const std::vector<std::array<char, 2>>& pairs) {
  const size_t count = pairs.size();
  __m128i firsts[kFew], seconds[kFew];
  for (size_t i = 0; i < count; ++i) {
    firsts[i] = _mm_set1_epi8(pairs[i][0]);
    seconds[i] = _mm_set1_epi8(pairs[i][1]);
  }
  for (; at + 17 <= text.size(); at += 16) {
    const char* bytes = text.data() + at;
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 1));
    __m128i found = _mm_and_si128(_mm_cmpeq_epi8(first, firsts[0]),
                                  _mm_cmpeq_epi8(second, seconds[0]));
    for (size_t i = 1; i < count; ++i) {
      found = _mm_or_si128(found, _mm_and_si128(_mm_cmpeq_epi8(first, firsts[i]),
                                                _mm_cmpeq_epi8(second, seconds[i])));
    }
    const int mask = _mm_movemask_epi8(found);
    if (mask != 0) return at + static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(mask)));
  }
  return at;
}

#endif

}  // namespace

void AddedTokens::Add(AddedToken token) {
  AddBeginning(token.content);
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

void AddedTokens::AddBeginning(const std::string& content) {
  if (content.size() < 2) {
    few_ = false;
    return;
  }
  const std::array<char, 2> two = {content[0], content[1]};
  if (std::find(first_two_.begin(), first_two_.end(), two) != first_two_.end()) return;
  first_two_.push_back(two);
  if (first_two_.size() > kFew) few_ = false;
}

AddedTokens::Found AddedTokens::Next(std::string_view text, size_t at) const {
  if (empty()) return {nullptr, text.size()};
  for (; at < text.size(); ++at) {
#ifdef __SSE2__
    if (few_) at = SkipByVectors(text, at, first_two_);
#endif
    if (const AddedToken* token = At(text, at)) return {token, at};
  }
  return {nullptr, text.size()};
}

const AddedToken* AddedTokens::LongestAt(std::string_view text, size_t at) const {
  for (const AddedToken& token : by_first_[static_cast<unsigned char>(text[at])]) {
    if (text.substr(at, token.content.size()) == token.content) return &token;
  }
  return nullptr;
}

}  // namespace braid::corpus
