#include "base/utf8.h"

#include <gmock/gmock.h>

namespace braid {
namespace {

TEST(Utf8Test, TheFirstBadByteIsFound) {
  EXPECT_EQ(Utf8Prefix("abc"), 3u);
  EXPECT_EQ(Utf8Prefix(""), 0u);
  EXPECT_EQ(Utf8Prefix("caf\xE9"), 3u);
  EXPECT_EQ(Utf8Prefix("0123456789 caf\xC3\xA9 \xF0\x9F\x98\x80\xC3"), 21u);
  EXPECT_FALSE(IsUtf8("\xED\xA0\x80"));      // a surrogate
  EXPECT_FALSE(IsUtf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(IsUtf8("\xF4\x90\x80\x80"));  // beyond Unicode
  EXPECT_TRUE(IsUtf8("\xF4\x8F\xBF\xBF"));
}

TEST(Utf8Test, APieceEndsWithAWholeCodePoint) {
  EXPECT_EQ(CutUtf8("caf\xC3\xA9", 5), "caf\xC3\xA9");
  EXPECT_EQ(CutUtf8("caf\xC3\xA9", 4), "caf");
  EXPECT_EQ(CutUtf8("caf\xC3\xA9s", 5), "caf\xC3\xA9");
  EXPECT_EQ(CutUtf8("\xF0\x9F\x98\x80", 3), "");
}

TEST(Utf8Test, CodePointsComeBack) {
  for (const uint32_t c : {0x24u, 0xA2u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    AppendUtf8(c, &text);
    EXPECT_TRUE(IsUtf8(text));
    size_t length = 0;
    EXPECT_EQ(DecodeCodePoint(text, &length), c);
    EXPECT_EQ(length, text.size());
  }
}

}  // namespace
}  // namespace braid
