#include "corpus/piece_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/utf8.h"
#include "corpus/pretokenizer.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace braid::corpus {
namespace {

constexpr size_t kBlockBytes = 64;

// The lowest `count` bits, count <= 64.
uint64_t LowBits(size_t count) {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

}  // namespace

void ClassifyByTable(const unsigned char* bytes, ByteClasses* classes) {
  // A bit for each class in the order of ByteClasses.
  static const std::array<uint8_t, 256> table = [] {
    std::array<uint8_t, 256> bits{};
    for (uint32_t c = 0; c < 128; ++c) {
      const CharacterClass of = ClassOfCharacter(c);
      bits[c] = of == CharacterClass::kLetter   ? 1
                : of == CharacterClass::kNumber ? 2
                : of == CharacterClass::kSpace  ? 4
                                                : 0;
    }
    bits[' '] |= 8;
    bits['\''] = 16;
    std::fill(bits.begin() + 128, bits.end(), uint8_t{32});
    return bits;
  }();
  ByteClasses found;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const uint64_t bits = table[bytes[i]];
    found.letters |= (bits & 1) << i;
    found.numbers |= (bits >> 1 & 1) << i;
    found.spaces |= (bits >> 2 & 1) << i;
    found.blanks |= (bits >> 3 & 1) << i;
    found.apostrophes |= (bits >> 4 & 1) << i;
    found.wide |= (bits >> 5) << i;
  }
  *classes = found;
}

#ifdef __SSE2__

void Classify(const unsigned char* bytes, ByteClasses* classes) {
  ByteClasses found;
  // Bytes in low .. low + count - 1: shifted to the lowest values of a signed byte.
  const auto in_range = [](__m128i x, int low, int count) {
    const __m128i shifted = _mm_sub_epi8(x, _mm_set1_epi8(static_cast<char>(low + 128)));
    return _mm_cmplt_epi8(shifted, _mm_set1_epi8(static_cast<char>(count - 128)));
  };
  const auto mask = [](__m128i x) {
    return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(x)));
  };
  for (size_t i = 0; i < kBlockBytes; i += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i));
    const __m128i blank = _mm_cmpeq_epi8(x, _mm_set1_epi8(' '));
    // 0x20 makes a capital letter small.
    const __m128i letter = in_range(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 26);
    const __m128i number = in_range(x, '0', 10);
    const __m128i space = _mm_or_si128(blank, in_range(x, '\t', 5));
    found.letters |= mask(letter) << i;
    found.numbers |= mask(number) << i;
    found.spaces |= mask(space) << i;
    found.blanks |= mask(blank) << i;
    found.apostrophes |= mask(_mm_cmpeq_epi8(x, _mm_set1_epi8('\''))) << i;
    found.wide |= mask(x) << i;
  }
  *classes = found;
}

#else

void Classify(const unsigned char* bytes, ByteClasses* classes) {
  ClassifyByTable(bytes, classes);
}

#endif

template <void (*kClassify)(const unsigned char* bytes, ByteClasses* classes)>
void BasicPieceScanner<kClassify>::Load(size_t at, Block* block) {
  block->apart = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text_.data()) + at;
  if (text_.size() - at >= kBlockBytes) {
    kClassify(bytes, &block->classes);
  } else {
    // Behind the end stands a blank: white space at the end of a text is one piece.
    unsigned char padded[kBlockBytes];
    std::memset(padded, ' ', sizeof padded);
    std::memcpy(padded, bytes, text_.size() - at);
    kClassify(padded, &block->classes);
  }
  if (block->classes.wide != 0) ClassifyWide(at, block);
}

// Sets the classes of the characters that are not ASCII, which may have begun in the block before.
template <void (*kClassify)(const unsigned char* bytes, ByteClasses* classes)>
void BasicPieceScanner<kClassify>::ClassifyWide(size_t at, Block* block) {
  ByteClasses& classes = block->classes;
  classes.letters |= rest_letters_;
  classes.numbers |= rest_numbers_;
  classes.spaces |= rest_spaces_;
  uint64_t left = classes.wide & ~rest_;
  rest_letters_ = rest_numbers_ = rest_spaces_ = rest_ = 0;
  while (left != 0) {
    const auto i = static_cast<size_t>(std::countr_zero(left));
    size_t length = 0;
    const uint32_t code_point = DecodeCodePoint(text_.substr(at + i), &length);
    const uint64_t bits = LowBits(length) << i;
    AddCharacter(bits, at + i, code_point, length, block);
    left &= ~bits;
  }
}

template <void (*kClassify)(const unsigned char* bytes, ByteClasses* classes)>
void BasicPieceScanner<kClassify>::AddCharacter(uint64_t bits, size_t at, uint32_t code_point,
                                                size_t length, Block* block) {
  const size_t in_block = static_cast<size_t>(std::countr_zero(bits));
  const uint64_t rest = in_block + length > kBlockBytes ? LowBits(in_block + length - kBlockBytes)
                                                        : 0;
  rest_ |= rest;
  ByteClasses& classes = block->classes;
  switch (ClassOfCharacter(code_point)) {
    case CharacterClass::kLetter:
      classes.letters |= bits;
      rest_letters_ = rest;
      return;
    case CharacterClass::kNumber:
      classes.numbers |= bits;
      rest_numbers_ = rest;
      return;
    case CharacterClass::kOther:
      return;
    case CharacterClass::kSpace:
      break;
  }
  classes.spaces |= bits;
  rest_spaces_ = rest;
  if (at + length == text_.size()) return;
  size_t next_length = 0;
  const uint32_t next = DecodeCodePoint(text_.substr(at + length), &next_length);
  if (ClassOfCharacter(next) != CharacterClass::kSpace) block->apart |= uint64_t{1} << in_block;
}

// A contraction is a piece where an apostrophe begins one: what follows its letters begins another,
// and the letter behind the apostrophe does not.
template <void (*kClassify)(const unsigned char* bytes, ByteClasses* classes)>
uint64_t BasicPieceScanner<kClassify>::WithContractions(uint64_t starts,
                                                        const ByteClasses& classes) {
  const uint64_t set = set_, taken = taken_;
  set_ = taken_ = 0;
  uint64_t set_here = 0, taken_here = 0;
  for (uint64_t left = starts & classes.apostrophes; left != 0; left &= left - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(left));
    const size_t length = ContractionAt(text_.substr(at_ + i));
    if (length == 0) continue;
    const auto mark = [i](size_t behind, uint64_t* here, uint64_t* next) {
      const size_t place = i + behind;
      (place < kBlockBytes ? *here : *next) |= uint64_t{1} << place % kBlockBytes;
    };
    mark(1, &taken_here, &taken_);
    mark(length, &set_here, &set_);
  }
  return (starts & ~(taken | taken_here)) | set | set_here;
}

template <void (*kClassify)(const unsigned char* bytes, ByteClasses* classes)>
uint64_t BasicPieceScanner<kClassify>::Next() {
  const size_t end = at_ + kBlockBytes;
  const bool last = end >= text_.size();
  const Block& block = blocks_[current_];
  Block& next = blocks_[current_ ^= 1];
  if (!last) {
    Load(end, &next);
  } else {
    next.classes.spaces = ~uint64_t{0};
  }
  const ByteClasses& c = block.classes;
  const uint64_t other = ~(c.letters | c.numbers | c.spaces);
  const uint64_t space_before = c.spaces << 1 | space_;
  const uint64_t space_behind = c.spaces >> 1 | next.classes.spaces << 63;
  // A word: the first character of its class, unless the blank before it has begun the piece.
  uint64_t starts = ((c.letters & ~(c.letters << 1 | letter_)) |
                     (c.numbers & ~(c.numbers << 1 | number_)) | (other & ~(other << 1 | other_))) &
                    ~(c.blanks << 1 | blank_);
  // White space: its first character; and its last one, if something follows.
  starts |= (c.spaces & ~space_before) | (c.spaces & ~c.wide & ~space_behind) | block.apart;
  starts = WithContractions(starts, c);
  letter_ = c.letters >> 63;
  number_ = c.numbers >> 63;
  other_ = other >> 63;
  space_ = c.spaces >> 63;
  blank_ = c.blanks >> 63;
  if (last) starts &= LowBits(text_.size() - at_);
  at_ = end;
  return starts;
}

template class BasicPieceScanner<Classify>;
template class BasicPieceScanner<ClassifyByTable>;

}  // namespace braid::corpus
