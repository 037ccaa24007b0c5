// The part of Unicode that tokenizing needs, from tables of braid's own: the same on every machine,
// whatever version its libraries have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace braid::corpus {

// The general category of a character, in the order of the tables (Lu: letter, upper case; and so
// on).
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

// The category of a code point; kCn for numbers that are not assigned.
Category CategoryOf(uint32_t code_point);

// True for the categories of \p{L}, and of \p{N}.
inline bool IsLetter(Category category) {
  return category <= Category::kLo;
}
inline bool IsNumber(Category category) {
  return category >= Category::kNd && category <= Category::kNo;
}

// The text in Normalization Form C. REQUIRES: valid UTF-8.
std::string Nfc(std::string_view text);
// A fast test: true only if Nfc(text) == text. False also for some text in NFC, such as text with
// combining marks that stand alone.
bool IsSurelyNfc(std::string_view text);

// "16.0.0, NFC 9.0.0": characters are classified by the first version of Unicode and composed by
// the second, as in the `tokenizers` package. Written into the shards and tokenizers that jobs
// make.
std::string UnicodeVersion();

}  // namespace braid::corpus
