// Patterns of tokenizer.json: what they match, and which are refused by what stands in them.
#include "corpus/text_pattern.h"

#include <gmock/gmock.h>

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The stretches of a text, matches in brackets.
std::vector<std::string> Cut(const std::string& regex, const std::string& text) {
  const auto pattern = TextPattern::Compile(regex);
  EXPECT_TRUE(pattern.ok()) << regex << ": " << pattern.status().message();
  std::vector<std::string> shown;
  if (!pattern.ok()) return shown;
  PatternScratch scratch;
  std::vector<Stretch> stretches;
  (*pattern)->Cut(text, &scratch, &stretches);
  for (const Stretch& one : stretches) {
    const std::string part = text.substr(one.begin, one.end - one.begin);
    shown.push_back(one.match ? "[" + part + "]" : part);
  }
  return shown;
}

std::string Refusal(const std::string& regex) {
  return TextPattern::Compile(regex).status().message();
}

constexpr char kLlama3[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

TEST(TextPatternTest, CutsAsLlama3Does) {
  EXPECT_THAT(Cut(kLlama3, "It'LL cost 12345 \xE2\x82\xAC!\n\n  so"),
              ElementsAre("[It]", "['LL]", "[ cost]", "[ ]", "[123]", "[45]",
                          "[ \xE2\x82\xAC!\n\n]", "[ ]", "[ so]"));
  EXPECT_THAT(Cut(kLlama3, ""), ElementsAre());
}

TEST(TextPatternTest, CharactersAreThoseOfUnicode) {
  // A letter, a mark, a number and a space beyond ASCII; U+180E is no white space.
  EXPECT_THAT(Cut("\\p{L}+", "a\xC3\xA9\xE6\xBC\xA2\xF0\xA0\x80\x80\xCC\x81"),
              ElementsAre("[a\xC3\xA9\xE6\xBC\xA2\xF0\xA0\x80\x80]", "\xCC\x81"));
  EXPECT_THAT(Cut("\\p{N}", "\xC2\xBD\xD9\xA1x"), ElementsAre("[\xC2\xBD]", "[\xD9\xA1]", "x"));
  EXPECT_THAT(Cut("\\d", "\xC2\xBD\xD9\xA1x"), ElementsAre("\xC2\xBD", "[\xD9\xA1]", "x"));
  EXPECT_THAT(Cut("\\s+",
                  "a\xC2\x85\xE3\x80\x80"
                  "b\xE1\xA0\x8E"),
              ElementsAre("a", "[\xC2\x85\xE3\x80\x80]", "b\xE1\xA0\x8E"));
  EXPECT_THAT(Cut("[^\\S\\n]+", "a \n\t"), ElementsAre("a", "[ ]", "\n", "[\t]"));
  EXPECT_THAT(
      Cut("[\xE4\xB8\x80-\xE9\xBE\xA5\\x{1F600}]+", "a\xE6\xBC\xA2\xF0\x9F\x98\x80\xC3\xA9"),
      ElementsAre("a", "[\xE6\xBC\xA2\xF0\x9F\x98\x80]", "\xC3\xA9"));
  EXPECT_THAT(Cut("\\P{L}|\\p{^L}", "a1"), ElementsAre("a", "[1]"));
  EXPECT_THAT(Cut("[^[a-c]\\p{Lu}]", "aBd"), ElementsAre("aB", "[d]"));
}

// U+017F and the sign of kelvin are letters s and k in another case.
TEST(TextPatternTest, CaseIsThatOfUnicode) {
  EXPECT_THAT(Cut("(?i:'s)", "'s'S'\xC5\xBF's"),
              ElementsAre("['s]", "['S]", "['\xC5\xBF]", "['s]"));
  EXPECT_THAT(Cut("(?i)k", "kK\xE2\x84\xAA"), ElementsAre("[k]", "[K]", "[\xE2\x84\xAA]"));
  EXPECT_THAT(Cut("(?i:[x-z])(?-i:a)", "YaYA"), ElementsAre("[Ya]", "YA"));
}

// In Oniguruma a plus behind an interval repeats it; behind another quantifier it holds on to what
// was found.
TEST(TextPatternTest, QuantifiersAreThoseOfOniguruma) {
  EXPECT_THAT(Cut("(?:a{2,3}+)a", "aaaa"), ElementsAre("[aaaa]"));
  EXPECT_THAT(Cut("a{,2}b", "aaab"), ElementsAre("a", "[aab]"));
  EXPECT_THAT(Cut("a++a|b", "aab"), ElementsAre("aa", "[b]"));
  EXPECT_THAT(Cut("x{a}", "x{a}"), ElementsAre("[x{a}]"));
  EXPECT_THAT(Cut("a+?", "aa"), ElementsAre("[a]", "[a]"));
  EXPECT_THAT(Cut("(?<=b)a|(?<!b)c", "bacbc"), ElementsAre("b", "[a]", "[c]", "bc"));
}

TEST(TextPatternTest, SignsAreLiteralWhereTheyAreEscaped) {
  EXPECT_THAT(Cut("[\\]\\-a-]+", "b]-a"), ElementsAre("b", "[]-a]"));
  EXPECT_THAT(Cut("\\.\\x41\\u00e9", ".A\xC3\xA9"), ElementsAre("[.A\xC3\xA9]"));
  EXPECT_THAT(Cut(".", "\n\xC3\xA9"), ElementsAre("\n", "[\xC3\xA9]"));
  PatternScratch scratch;
  std::vector<Stretch> stretches;
  TextPattern::Literal("a.(\xE2\x96\x81").value()->Cut("xa.(\xE2\x96\x81", &scratch, &stretches);
  ASSERT_EQ(stretches.size(), 2u);
  EXPECT_EQ(stretches[1].begin, 1u);
}

TEST(TextPatternTest, WhatItDoesNotReproduceIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"\\w+", "\\w in it"},
      {"\\bx", "\\b in it"},
      {"^x", "the anchor ^"},
      {"x$", "the anchor $"},
      {"(x)\\1", "\\1 in it"},
      {"\\p{Han}+", "\\p{Han} (general categories"},
      {"\\pL", "a property that is not written"},
      {"[a&&b]", "&& in a class"},
      {"[[:alpha:]]", "a class of POSIX"},
      {"[]a]", "an empty class"},
      {"(?<n>x)", "the group (?<n"},
      {"x(?i)y", "the group (?i)"},
      {"(?i:ss)", "\"ss\" under (?i)"},
      {"(?i:\xC3\xA9)", "not ASCII under (?i)"},
      {"(?i:\\p{Lu})", "\\p{Lu} under (?i)"},
      {"x{2}?", "{n}? in it"},
      {"[\xF0\xA0\x80\x80-\xF0\xAA\x9B\x9F]", "a range above U+1FFFF"},
      {"\xF0\xA0\x80\x80", "a character above U+1FFFF"},
      {"[z-a]", "ends before it begins"},
      {"\\xE2", "a byte that is no character"},
      {"(x", "a group without its end"},
      {"x)", "an end of a group"},
      {"[x", "a class without its end"},
      {"*x", "nothing to repeat"},
      {"x\\", "ends with a backslash"},
      {"x*", "it may match nothing"},
      {"\xFF", "not UTF-8"}};
  for (const auto& [regex, message] : cases)
    EXPECT_THAT(Refusal(regex), HasSubstr(message)) << regex;
  EXPECT_THAT(Refusal(std::string(200'000, '[')), HasSubstr("classes within classes"));
  EXPECT_THAT(TextPattern::Literal("").status().message(), HasSubstr("nothing"));
}

// A run of half a million characters, of one byte and of several, in one match and in many.
TEST(TextPatternTest, LongTextsAreCut) {
  std::string text;
  for (int i = 0; i < 250'000; ++i) text += i % 2 == 0 ? "a" : "\xC3\xA9";
  EXPECT_EQ(Cut("\\p{L}+", text).size(), 1u);
  EXPECT_EQ(Cut("a|\xC3\xA9", text).size(), 250'000u);
}

}  // namespace
}  // namespace braid::corpus
