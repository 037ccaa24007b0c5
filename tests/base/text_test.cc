#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using ::testing::ElementsAre;

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_THAT(Split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
}

TEST(Text, NearestWordNeedsToBeNear) {
  EXPECT_EQ(NearestWord("optimzer", {"optimizer", "epochs"}), "optimizer");
  EXPECT_EQ(NearestWord("banana", {"optimizer", "epochs"}), "");
}

TEST(Text, NumbersMustBeTheWholeText) {
  EXPECT_EQ(ParseInt("12").value(), 12);
  EXPECT_FALSE(ParseInt("12x").ok());
  EXPECT_FALSE(ParseInt("").ok());
  EXPECT_EQ(ParseDouble("2.5e-1").value(), 0.25);
}

TEST(Text, PeopleReadTheseNumbers) {
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(7), "7 B");
  EXPECT_EQ(FormatDuration(3.44), "3.4 s");
  EXPECT_EQ(FormatDuration(125), "2 min 05 s");
  EXPECT_EQ(FormatDuration(3720), "1 h 02 min");
  EXPECT_EQ(FormatUtc(1'700'000'000'007), "2023-11-14T22:13:20.007Z");
  EXPECT_EQ(FormatDouble(0.1), "0.1");
}

TEST(Text, SizesAreReadWithTheirUnits) {
  EXPECT_EQ(*ParseBytes("500GB"), 500'000'000'000);
  EXPECT_EQ(*ParseBytes("1.5 TiB"), 1'649'267'441'664);
  EXPECT_EQ(*ParseBytes("3kB"), 3000);
  EXPECT_EQ(*ParseBytes("7"), 7);
  for (const char* wrong :
       {"", "GB", "-1GB", "5 gigabytes", "5gb", "1.2.3GB", "5000PiB", "inf", "1e3"})
    EXPECT_FALSE(ParseBytes(wrong).ok()) << wrong;
  EXPECT_EQ(ParseBytes("lots").status().message(), "\"lots\" is no size such as 500GB or 2TiB");
}

TEST(Base64, GivesTheVectorsOfRfc4648) {
  for (const auto& [plain, coded] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="}}) {
    EXPECT_EQ(Base64Encode(plain), coded);
    EXPECT_EQ(Base64Decode(coded).value(), plain);
  }
  EXPECT_FALSE(Base64Decode("Zg=").ok());
  EXPECT_FALSE(Base64Decode("Z!==").ok());
}

}  // namespace
}  // namespace braid
