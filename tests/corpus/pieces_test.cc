#include <gmock/gmock.h>

#include <vector>

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
