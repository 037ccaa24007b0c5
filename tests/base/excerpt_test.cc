#include "base/excerpt.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/status.h"
#include "base/text.h"

namespace braid {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(ExcerptTest, ShortTextStaysAsItIs) {
  EXPECT_EQ(Excerpt("caf\xC3\xA9\n\tau lait"), "caf\xC3\xA9\n\tau lait");
}

TEST(ExcerptTest, LongTextKeepsItsEnds) {
  EXPECT_EQ(Excerpt(std::string(40, 'a') + std::string(1000, 'b') + std::string(40, 'c'), 40),
            std::string(30, 'a') + "... (1040 bytes) ..." + std::string(10, 'c'));
}

TEST(ExcerptTest, CutsStandBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\xE2\x82\xAC";
  for (size_t most = 8; most < 24; ++most)
    EXPECT_EQ(Excerpt(text, most).find("\xEF\xBF\xBD"), std::string::npos) << most;
}

TEST(ExcerptTest, WhatIsNotUtf8AndWhatSteersATerminalIsReplaced) {
  EXPECT_EQ(Excerpt("caf\xE9\x1B[31m\x7F"), "caf\xEF\xBF\xBD?[31m?");
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"})
    EXPECT_THAT(Excerpt(bad), StartsWith("\xEF\xBF\xBD"));
}

TEST(ExcerptTest, NoMessageQuotesMegabytes) {
  const std::string much(5'000'000, 'x');
  EXPECT_THAT(InvalidArgument("rows.jsonl:7: " + much + " is wrong").message(),
              SizeIs(Le(kMessageBytes + 40)));
  EXPECT_THAT(InvalidArgument("rows.jsonl:7: " + much + " is wrong").message(),
              EndsWith(" is wrong"));
  EXPECT_THAT(ParseInt(much).status().message(), SizeIs(Le(200)));
  // What does not end, what is no JSON, a key twice, a value of another type, a key that is not
  // known.
  for (const std::string& text :
       {"{\"text\": \"" + much, "{\"" + much + "\": 1, \"" + much + "\": 2}", much, "[" + much}) {
    const std::string message = ParseJson(text, "config.json").status().message();
    EXPECT_THAT(message, StartsWith("config.json"));
    EXPECT_THAT(message, SizeIs(Le(500)));
  }
  EXPECT_THAT(ParseJson("{\"text\": \"" + much, "config.json").status().message(),
              HasSubstr("line 1, column 5000011"));
  const Json object = {{"lr", much}, {"kind", much}};
  JsonReader read(object, "task");
  (void)read.Double("lr", 1);
  EXPECT_THAT(read.Finish().message(), SizeIs(Le(200)));
  JsonReader choose(object, "task");
  (void)choose.Choice("kind", "a", {"a", "b"});
  EXPECT_THAT(choose.Finish().message(), SizeIs(Le(200)));
  const Json unknown = {{much, 1}};
  EXPECT_THAT(JsonReader(unknown, "task").Finish().message(), SizeIs(Le(200)));
}

}  // namespace
}  // namespace braid
