#include <gmock/gmock.h>

#include <map>
#include <vector>

#include "base/random.h"
#include "corpus/piece_counts.h"
#include "corpus/piece_scanner.h"
#include "corpus/pretokenizer.h"

namespace braid::corpus {
namespace {

std::vector<std::string> Cut(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    pieces.emplace_back(text.substr(0, FirstPiece(text)));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

// Worked out by hand from the pattern; the peers test compares with `tokenizers` on far more.
TEST(PiecesTest, CutsByThePattern) {
  using testing::ElementsAre;
  EXPECT_THAT(Cut("Hello world's 12 apples!"),
              ElementsAre("Hello", " world", "'s", " 12", " apples", "!"));
  EXPECT_THAT(Cut("a  b"), ElementsAre("a", " ", " b"));
  EXPECT_THAT(Cut("a \n b"), ElementsAre("a", " \n", " b"));
  EXPECT_THAT(Cut("a\n\nb"), ElementsAre("a", "\n", "\n", "b"));
  EXPECT_THAT(Cut("end   "), ElementsAre("end", "   "));
  EXPECT_THAT(Cut("'S 'll"), ElementsAre("'", "S", " '", "ll"));
  EXPECT_THAT(Cut("we'll"), ElementsAre("we", "'ll"));
  EXPECT_THAT(Cut("caf\xC3\xA9\xC2\xA0x"), ElementsAre("caf\xC3\xA9", "\xC2\xA0", "x"));
  // A letter of Unicode 15.1, which the libraries of older systems do not know, runs on with
  // another.
  EXPECT_THAT(Cut("\xF0\xAE\xAF\xB6\xE6\xBC\xA2"), ElementsAre("\xF0\xAE\xAF\xB6\xE6\xBC\xA2"));
  // The run gives back its last character, which has three bytes here.
  EXPECT_THAT(Cut("\xE3\x80\x80\xE3\x80\x80x"), ElementsAre("\xE3\x80\x80", "\xE3\x80\x80", "x"));
}

// What decides where pieces begin: each class, in one byte and in several, and what contractions
// are made of.
std::string NastyText(uint64_t seed, size_t parts) {
  const std::vector<std::string> pool = {"a",
                                         "Z",
                                         "s",
                                         "t",
                                         "re",
                                         "ll",
                                         "ve",
                                         "d",
                                         "m",
                                         "'",
                                         "'",
                                         "'s",
                                         "'ll",
                                         "'r",
                                         " ",
                                         " ",
                                         "  ",
                                         "\n",
                                         "\t",
                                         "\r\n",
                                         "0",
                                         "9",
                                         "12",
                                         ".",
                                         "(",
                                         "\"",
                                         "_",
                                         "{",
                                         "[",
                                         "@",
                                         "`",
                                         "/",
                                         ":",
                                         std::string(1, '\0'),
                                         "\x7f",
                                         "\x1f",
                                         "\x0e",
                                         "\x08",
                                         "\xC3\xA9",
                                         "\xC2\xA0",
                                         "\xC2\x85",
                                         "\xC2\xBD",
                                         "\xE2\x80\xA8",
                                         "\xE3\x80\x80",
                                         "\xE6\x97\xA5",
                                         "\xD9\xA0",
                                         "\xE2\x80\x99",
                                         "\xF0\x9F\x98\x80",
                                         "\xF0\xAE\xAF\xB6",
                                         "\xF0\x9D\x9F\x98",
                                         "\xCC\x81"};
  const RandomStream draws(seed, "nasty");
  std::string text;
  for (size_t i = 0; i < parts; ++i) {
    const std::string& part = pool[draws.Below(2 * i, pool.size())];
    // Now and then a run, which goes over the borders of blocks.
    const uint64_t times = draws.Below(2 * i + 1, 40) == 0 ? 70 : 1;
    for (uint64_t n = 0; n < times; ++n) text += part;
  }
  return text;
}

template <typename Scanner>
std::vector<std::string> CutByBlocks(std::string_view text) {
  std::vector<std::string> pieces;
  Scanner scanner(text);
  for (size_t block = 0; block < text.size(); block += 64) {
    const uint64_t starts = scanner.Next();
    for (size_t i = 0; i < 64; ++i) {
      if ((starts >> i & 1) != 0) pieces.emplace_back();
      if (block + i < text.size()) pieces.back() += text[block + i];
    }
  }
  return pieces;
}

TEST(PiecesTest, BlocksAreCutLikeOnePieceAfterAnother) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::string text = NastyText(seed, 1 + seed % 150);
    const std::vector<std::string> pieces = Cut(text);
    ASSERT_EQ(CutByBlocks<PieceScanner>(text), pieces) << testing::PrintToString(text);
    ASSERT_EQ(CutByBlocks<BasicPieceScanner<ClassifyByTable>>(text), pieces)
        << testing::PrintToString(text);
    std::vector<std::string> found;
    ForEachPiece(text, [&](size_t at, size_t size) { found.push_back(text.substr(at, size)); });
    ASSERT_EQ(found, pieces);
  }
  // Each end in each place of a block.
  const std::string text = NastyText(1000, 400);
  for (size_t begin = 0; begin < 70; ++begin) {
    std::string_view part = std::string_view(text).substr(begin);
    if ((static_cast<unsigned char>(part[0]) & 0xC0) == 0x80) continue;
    part = part.substr(0, Utf8Prefix(part.substr(0, 130 - begin)));
    ASSERT_EQ(CutByBlocks<PieceScanner>(part), Cut(part)) << begin;
  }
  ForEachPiece("", [](size_t, size_t) { ADD_FAILURE(); });
}

TEST(PiecesTest, EveryByteIsOfOneClassByVectorsAndByTable) {
  for (int shift = 0; shift < 256; ++shift) {
    unsigned char bytes[64];
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<unsigned char>(shift + i);
    ByteClasses a, b;
    Classify(bytes, &a);
    ClassifyByTable(bytes, &b);
    EXPECT_EQ(a.letters, b.letters) << shift;
    EXPECT_EQ(a.numbers, b.numbers) << shift;
    EXPECT_EQ(a.spaces, b.spaces) << shift;
    EXPECT_EQ(a.blanks, b.blanks) << shift;
    EXPECT_EQ(a.apostrophes, b.apostrophes) << shift;
    EXPECT_EQ(a.wide, b.wide) << shift;
  }
}

TEST(PiecesTest, CountsEachPiece) {
  PieceCounts counts, half;
  std::map<std::string, int64_t> expected;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::string text = NastyText(seed, 500) + std::string(seed, 'w');
    (seed % 2 == 0 ? counts : half).AddText(text);
    for (const std::string& piece : Cut(text)) ++expected[piece];
  }
  counts.Add(half);
  std::map<std::string, int64_t> found;
  counts.ForEach(
      [&](std::string_view piece, int64_t count) { found[std::string(piece)] += count; });
  EXPECT_EQ(found, expected);
  EXPECT_EQ(counts.size(), expected.size());
}

TEST(PiecesTest, RepairsAsUnicodeRecommends) {
  EXPECT_EQ(RepairUtf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(RepairUtf8("\xE2\x82"), "\xEF\xBF\xBD");              // one for a truncated sequence
  EXPECT_EQ(RepairUtf8("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // one for each byte of an
                                                                  // overlong form
  EXPECT_EQ(RepairUtf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_FALSE(IsUtf8("\xF4\x90\x80\x80"));
  EXPECT_TRUE(IsUtf8("\xF4\x8F\xBF\xBF"));
}

TEST(PiecesTest, EveryByteHasItsCharacter) {
  for (int b = 0; b < 256; ++b) {
    size_t length = 0;
    EXPECT_EQ(ByteOfCharacter(DecodeCodePoint(ByteCharacters()[static_cast<size_t>(b)], &length)),
              b);
  }
  EXPECT_EQ(ByteCharacters()[' '], "\xC4\xA0");
  std::string bytes;
  EXPECT_TRUE(BytesOfToken("\xC4\xA0the", &bytes));
  EXPECT_EQ(bytes, " the");
  EXPECT_FALSE(BytesOfToken("\xE2\x82\xAC", &bytes));
}

}  // namespace
}  // namespace braid::corpus
