#include "corpus/unicode.h"

#include <gmock/gmock.h>

#include "base/utf8.h"

namespace braid::corpus {
namespace {

std::string Text(std::initializer_list<uint32_t> code_points) {
  std::string text;
  for (const uint32_t c : code_points) AppendUtf8(c, &text);
  return text;
}

// From the Unicode Character Database, version 16. The peers test compares all code points with
// `tokenizers`.
TEST(UnicodeTest, CategoriesAreThoseOfOneVersion) {
  EXPECT_EQ(CategoryOf('A'), Category::kLu);
  EXPECT_EQ(CategoryOf('7'), Category::kNd);
  EXPECT_EQ(CategoryOf(0x4E00), Category::kLo);
  EXPECT_EQ(CategoryOf(0x2EBF5), Category::kLo);  // the first of 15.1 that 15.0 lacks is U+2EBF0
  EXPECT_EQ(CategoryOf(0x105C0), Category::kLo);  // of 16.0
  EXPECT_EQ(CategoryOf(0x301), Category::kMn);
  EXPECT_EQ(CategoryOf(0xD800), Category::kCs);
  EXPECT_EQ(CategoryOf(0xE000), Category::kCo);
  EXPECT_EQ(CategoryOf(0x10FFFF), Category::kCn);
  EXPECT_TRUE(IsLetter(Category::kLo));
  EXPECT_FALSE(IsLetter(Category::kMn));
  EXPECT_TRUE(IsNumber(CategoryOf(0xBD)));
  EXPECT_EQ(UnicodeVersion(), "16.0.0, NFC 9.0.0");
}

// Worked out by hand from the rules of Unicode's annex 15.
TEST(UnicodeTest, ComposesCanonically) {
  EXPECT_EQ(Nfc(Text({'e', 0x301})), Text({0xE9}));
  EXPECT_EQ(Nfc(Text({0x212B})), Text({0xC5}));         // a sign that is a letter
  EXPECT_EQ(Nfc(Text({0x958})), Text({0x915, 0x93C}));  // stays apart by its own rule
  EXPECT_EQ(Nfc(Text({'q', 0x307, 0x323})), Text({'q', 0x323, 0x307}));  // by class
  EXPECT_EQ(Nfc(Text({'s', 0x307, 0x323})), Text({0x1E69}));             // by class, then both
  EXPECT_EQ(Nfc(Text({'a', 0x327, 0x327, 0x301})), Text({0xE1, 0x327, 0x327}));  // past marks of
                                                                                 // other classes
  EXPECT_EQ(Nfc(Text({'a', 0x302, 0x34F, 0x301})), Text({0xE2, 0x34F, 0x301}));  // not past a
                                                                                 // character of
                                                                                 // class 0
  EXPECT_EQ(Nfc(Text({0x1100, 0x1161, 0x11A8})), Text({0xAC01}));
  EXPECT_EQ(Nfc(Text({0xAC00, 0x11A8})), Text({0xAC01}));
  EXPECT_EQ(Nfc(Text({0xAC01, 0x11A8})), Text({0xAC01, 0x11A8}));
  EXPECT_EQ(Nfc(Text({0x301, 'e'})), Text({0x301, 'e'}));
  EXPECT_EQ(Nfc(Text({0x11935, 0x11930})), Text({0x11935, 0x11930}));  // composes since Unicode 13
                                                                       // alone
  EXPECT_EQ(Nfc(""), "");
}

TEST(UnicodeTest, AQuickLookIsRight) {
  size_t surely = 0;
  for (uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    for (const std::string& text : {Text({c}), Text({'a', c}), Text({0xAC00, c})}) {
      if (!IsSurelyNfc(text)) continue;
      ASSERT_EQ(Nfc(text), text) << c;
      ++surely;
    }
  }
  EXPECT_GT(surely, 3'000'000u);
  EXPECT_TRUE(IsSurelyNfc(Text({0x41F, 0x440, 0x438, 0xE9, 0x1F600, 0x3042, 0xAC01})));  // prose is
  EXPECT_FALSE(IsSurelyNfc(Text({'e', 0x301})));
  EXPECT_FALSE(IsSurelyNfc(Text({0x212B})));
}

}  // namespace
}  // namespace braid::corpus
