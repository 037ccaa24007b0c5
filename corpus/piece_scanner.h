// Where the pieces of a text begin (pretokenizer.h), found for 64 bytes at a time: of each block it
// is known by masks which bytes are letters, numbers, white space or other, and the borders follow
// from the masks by arithmetic. FirstPiece says the same one piece at a time. Internal to corpus/.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace braid::corpus {

// The classes of 64 bytes: bit i is that of byte i. What is in none of the first three is another
// character. All bytes of a character have its class.
struct ByteClasses {
  uint64_t letters = 0, numbers = 0, spaces = 0;
  uint64_t blanks = 0;       // byte 0x20
  uint64_t apostrophes = 0;  // byte 0x27
  uint64_t wide = 0;         // not ASCII; by Classify such bytes are in no class
};

// Of 64 bytes. The two give the same; the first uses vectors where every processor of this kind has
// them.
void Classify(const unsigned char* bytes, ByteClasses* classes);
void ClassifyByTable(const unsigned char* bytes, ByteClasses* classes);

// Instantiated for both.
template <void (*kClassify)(const unsigned char* bytes, ByteClasses* classes)>
class BasicPieceScanner {
 public:
  // REQUIRES: `text` is valid UTF-8, not empty, and outlives the scanner.
  explicit BasicPieceScanner(std::string_view text) : text_(text) { Load(0, &blocks_[0]); }

  // The bytes of the next block of 64 at which pieces begin. The first call is about bytes 0 .. 63.
  uint64_t Next();

 private:
  // A block with the classes of all its characters.
  struct Block {
    ByteClasses classes;
    // White space of more than one byte that is a piece of its own, since a word follows it.
    uint64_t apart = 0;
  };

  void Load(size_t at, Block* block);
  void ClassifyWide(size_t at, Block* block);
  void AddCharacter(uint64_t bits, size_t at, uint32_t code_point, size_t length, Block* block);
  uint64_t WithContractions(uint64_t starts, const ByteClasses& classes);

  const std::string_view text_;
  size_t at_ = 0;
  // That which begins at at_, and the next one, in turns.
  Block blocks_[2];
  size_t current_ = 0;
  // Of the block before: the classes of its last byte, 0 or 1.
  uint64_t letter_ = 0, number_ = 0, other_ = 0, space_ = 0, blank_ = 0;
  // The class of a character that the last loaded block has only the beginning of, and its bytes in
  // the next one.
  uint64_t rest_letters_ = 0, rest_numbers_ = 0, rest_spaces_ = 0, rest_ = 0;
  // Starts that a contraction sets, or takes away, in the next block.
  uint64_t set_ = 0, taken_ = 0;
};

using PieceScanner = BasicPieceScanner<Classify>;

// Calls use(begin, size) for each piece of valid UTF-8, in their order.
template <typename Use>
void ForEachPiece(std::string_view text, Use use) {
  if (text.empty()) return;
  PieceScanner scanner(text);
  size_t begin = 0;
  for (size_t block = 0; block < text.size(); block += 64) {
    uint64_t starts = scanner.Next();
    if (block == 0) starts &= ~uint64_t{1};
    for (; starts != 0; starts &= starts - 1) {
      const size_t at = block + static_cast<size_t>(std::countr_zero(starts));
      use(begin, at - begin);
      begin = at;
    }
  }
  use(begin, text.size() - begin);
}

}  // namespace braid::corpus
