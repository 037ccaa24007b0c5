// Short pieces as two words, which are compared and hashed without a loop. Internal to corpus/.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace braid::corpus {

// Eight bytes as a number of which the first byte is the lowest.
inline uint64_t LoadWord(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

// A piece of 1 to kKeyBytes bytes, padded with zeros. The highest byte is its size, of which the
// upper half is always 0.
struct PieceKey {
  static constexpr size_t kKeyBytes = 15;
  static constexpr int kSizeShift = 56;

  uint64_t low = 0, high = 0;

  // One branch, not two.
  bool operator==(const PieceKey& other) const {
    return ((low ^ other.low) | (high ^ other.high)) == 0;
  }

  // All bits of the result depend on all of the key.
  uint64_t Hash() const {
    const auto product = static_cast<unsigned __int128>(low ^ 0x9E3779B97F4A7C15u) *
                         (high ^ 0xC2B2AE3D27D4EB4Fu);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  // The piece again.
  size_t size() const { return high >> kSizeShift; }
  std::array<char, 16> Bytes() const {
    std::array<char, 16> bytes;
    for (size_t i = 0; i < 8; ++i) {
      bytes[i] = static_cast<char>(low >> 8 * i);
      bytes[8 + i] = static_cast<char>(high >> 8 * i);
    }
    return bytes;
  }
};

// Sixteen bytes of ones, then sixteen of zeros: a window of it is the mask of a piece.
inline constexpr std::array<char, 32> kMaskBytes = [] {
  std::array<char, 32> bytes{};
  for (size_t i = 0; i < 16; ++i) bytes[i] = static_cast<char>(0xFF);
  return bytes;
}();

// REQUIRES: 1 <= size <= kKeyBytes, and 16 bytes at `piece` can be read.
inline PieceKey KeyOfReadable(const char* piece, size_t size) {
  const char* mask = kMaskBytes.data() + 16 - size;
  return {LoadWord(piece) & LoadWord(mask),
          (LoadWord(piece + 8) & LoadWord(mask + 8)) | uint64_t{size} << PieceKey::kSizeShift};
}

// The same of the piece of `size` bytes from `begin` on in a text.
inline PieceKey KeyOf(std::string_view text, size_t begin, size_t size) {
  if (begin + 16 <= text.size()) [[likely]]
    return KeyOfReadable(text.data() + begin, size);
  char padded[16] = {};
  std::memcpy(padded, text.data() + begin, size);
  return KeyOfReadable(padded, size);
}

}  // namespace braid::corpus
