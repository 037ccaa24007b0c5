#include "recipe/tags.h"

#include <gmock/gmock.h>

namespace braid::recipe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Tags = std::vector<std::string>;

std::string Refusal(const Tags& tags) {
  return CheckTags(tags).message();
}

TEST(TagsTest, WhatCanBeATag) {
  EXPECT_TRUE(CheckTags({"a", "lr sweep", "<b>'\"",
                         "gr\xc3\xb6\xc3\x9f"
                         "e",
                         std::string(64, 'x'), "a-b"})
                  .ok());
  EXPECT_EQ(Refusal({"ok", ""}), "a tag is empty: give it at least one character");
  EXPECT_EQ(Refusal({"a,b"}),
            "tag \"a,b\" has a comma, which stands between tags: give each by itself");
  EXPECT_EQ(Refusal({" a"}), "tag \" a\" begins or ends with a space");
  EXPECT_EQ(Refusal({"a "}), "tag \"a \" begins or ends with a space");
  EXPECT_EQ(Refusal({"\x1b[31m"}),
            "tag \"?[31m\" has a control character, or one that cannot be seen");
  EXPECT_EQ(Refusal({"a\nb"}), "tag \"a\nb\" has a control character, or one that cannot be seen");
  EXPECT_EQ(Refusal({"-a"}), "tag \"-a\" begins with a minus, which takes tags off");
  // C1, a mark of direction, and one of no width: of terminals and of eyes.
  for (const char* hidden : {"a\xc2\x9b"
                             "b",
                             "a\xe2\x80\xae"
                             "b",
                             "a\xe2\x80\x8b"
                             "b",
                             "a\xe2\x80\xa8"
                             "b",
                             "a\xe2\x81\xa6"
                             "b",
                             "a\xef\xbb\xbf"
                             "b"})
    EXPECT_THAT(Refusal({hidden}), testing::HasSubstr("cannot be seen")) << hidden;
  EXPECT_EQ(Refusal({"\xff"}), "tag \"\xef\xbf\xbd\" is not UTF-8");
  EXPECT_EQ(Refusal({std::string(65, 'x')}),
            "tag \"" + std::string(65, 'x') + "\" has 65 bytes: at most 64");
  EXPECT_EQ(Refusal(Tags(33, "a")), "33 tags: a run has at most 32");
}

TEST(TagsTest, AChangeIsASetOfWords) {
  EXPECT_THAT(ChangedTags({}, {"b", "a", "b"}, {}).value(), ElementsAre("a", "b"));
  EXPECT_THAT(ChangedTags({"a", "b"}, {}, {"a", "c"}).value(), ElementsAre("b"));
  EXPECT_THAT(ChangedTags({"a"}, {"b"}, {"b"}).value(), ElementsAre("a", "b"))
      << "what is in both is there";
  EXPECT_THAT(ChangedTags({"a"}, {}, {"a"}).value(), IsEmpty());
  EXPECT_FALSE(ChangedTags({}, {}, {"a,b"}).ok());
  EXPECT_FALSE(ChangedTags({}, {"a,b"}, {}).ok());
}

TEST(TagsTest, TheSumOfBothIsBounded) {
  Tags have, more;
  for (int i = 0; i < 20; ++i) have.push_back("a" + std::to_string(i));
  for (int i = 0; i < 13; ++i) more.push_back("b" + std::to_string(i));
  EXPECT_EQ(ChangedTags(have, more, {}).status().message(), "33 tags: a run has at most 32");
  EXPECT_TRUE(ChangedTags(have, more, {"a0"}).ok());
}

}  // namespace
}  // namespace braid::recipe
