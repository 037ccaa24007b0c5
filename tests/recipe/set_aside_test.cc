// Text set aside that is not one sequence is known before anything is prepared, as far as sizes of
// files tell.
#include "recipe/set_aside.h"

#include <gmock/gmock.h>

#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<ShortText> Find(const std::string& text, const std::map<std::string, TextSize>& sizes,
                            const std::vector<std::string>& only = {}) {
  const Recipe recipe = MustParse(text);
  return FindShortText(recipe, Only(Expand(recipe).value(), only).value(), sizes);
}

// Of 4 bytes a token, and of a hundredth of the documents.
TextSize Plain(int64_t bytes) {
  return {bytes, 1, false, bytes / 4};
}

TEST(SetAsideTest, AShareOfTheDocumentsMayBeTooLittle) {
  const auto found = Find(kSmall,
                          {{"source.tales", Plain(100'000)}, {"source.sums", Plain(1'000'000)}});
  ASSERT_THAT(found, SizeIs(1));  // 250 tokens of tales; half of sums is sampled, 1,250
  EXPECT_EQ(found[0].corpus, "tales");
  EXPECT_EQ(found[0].line, 4);
  EXPECT_FALSE(found[0].certain);
  EXPECT_EQ(found[0].message,
            "corpora.tales: about 250 tokens are set aside for validation, not one sequence of "
            "256; raise validation.documents, "
            "give it validation files, or lower sequence");
  EXPECT_THAT(Find(Replaced("paths:", "validation: {documents: 0.02}\npaths:"),
                   {{"source.tales", Plain(100'000)}}),
              IsEmpty());
  EXPECT_THAT(Find(Replaced("paths:", "sequence: 128\npaths:"), {{"source.tales", Plain(100'000)}}),
              IsEmpty());
}

TEST(SetAsideTest, FilesOfItsOwnAreWhatACorpusSetsAside) {
  const std::string text = Replaced("files: [tales.jsonl]",
                                    "files: [tales.jsonl], validation: [aside.jsonl]");
  const auto found = Find(text, {{"source.tales", Plain(1000)}, {"validation.tales", Plain(800)}});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_FALSE(found[0].certain);
  EXPECT_THAT(found[0].message, HasSubstr("about 200 tokens are set aside for validation, not one "
                                          "sequence of 256; give it longer validation files"));
  EXPECT_THAT(Find(text, {{"source.tales", Plain(1000)}, {"validation.tales", Plain(1200)}}),
              IsEmpty());
}

TEST(SetAsideTest, FewerBytesThanTokensAreCertain) {
  const auto found = Find(kSmall, {{"source.tales", Plain(126)}});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].certain);
  EXPECT_THAT(
      found[0].message,
      HasSubstr("at most 254 tokens are set aside for validation, not one sequence of 256"));
  EXPECT_FALSE(Find(kSmall, {{"source.tales", Plain(127)}})[0].certain);
  // Behind compression there may be any amount of text.
  EXPECT_FALSE(Find(kSmall, {{"source.tales", {20, 1, true, 15}}})[0].certain);
}

TEST(SetAsideTest, OnlyWhatAJobReadsCounts) {
  EXPECT_THAT(Find(kSmall, {{"source.tales", Plain(10)}}, {"prepare:tales"}), IsEmpty());
  EXPECT_THAT(Find(kSmall, {{"source.tales", Plain(10)}}, {"path_2"}), IsEmpty());
  EXPECT_THAT(Find(kSmall, {{"source.tales", Plain(10)}}, {"path_1"}), SizeIs(1));
  EXPECT_THAT(Find(kSmall, {}), IsEmpty());
}

}  // namespace
}  // namespace braid::recipe
