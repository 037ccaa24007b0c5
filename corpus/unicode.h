// What tokenising needs of Unicode, from tables of its own: the same on every machine, whatever its
// libraries know.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace braid::corpus {

// The general category, in the order of the tables.
enum class Category : uint8_t {
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,
  kSm,
  kSc,
  kSk,
  kSo,
  kZs,
  kZl,
  kZp,
  kCc,
  kCf,
  kCs,
  kCo,
  kCn
};
Category CategoryOf(uint32_t code_point);
inline bool IsLetter(Category category) {
  return category <= Category::kLo;
}
inline bool IsNumber(Category category) {
  return category >= Category::kNd && category <= Category::kNo;
}

// Canonical composition (NFC). REQUIRES: valid UTF-8.
std::string Nfc(std::string_view text);
// A quick look: true means that Nfc(text) is text. False for little that is NFC: text with marks
// that stand alone.
bool IsSurelyNfc(std::string_view text);

// "16.0.0, NFC 9.0.0": characters are classified by the first version of Unicode and composed by
// the second, as the `tokenizers` package does. Shards and tokenizers that a job makes say it.
std::string UnicodeVersion();

}  // namespace braid::corpus
