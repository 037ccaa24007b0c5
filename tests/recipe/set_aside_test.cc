// Text set aside that is not one sequence is known before anything is prepared, as far as sizes of
// files tell.
#include "recipe/graph/set_aside.h"

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
  return {bytes, 1, false, static_cast<double>(bytes)};
}

TEST(SetAsideTest, AShareOfTheDocumentsMayBeTooLittle) {
  const auto found = Find(kSmall,
                          {{"source.tales", Plain(100'000)}, {"source.sums", Plain(1'000'000)}});
  ASSERT_THAT(found, SizeIs(2));  // 250 tokens of tales; sums is capped at 1,000
  EXPECT_THAT(found[1].message, HasSubstr("corpora.sums: about 10 tokens are set aside"));
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

// Not even if each byte becomes three by composition, each of these a token, and ends a document.
TEST(SetAsideTest, FewerBytesThanTokensAreCertain) {
  const auto found = Find(kSmall, {{"source.tales", Plain(63)}});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].certain);
  EXPECT_THAT(
      found[0].message,
      HasSubstr("at most 253 tokens are set aside for validation, not one sequence of 256"));
  EXPECT_FALSE(Find(kSmall, {{"source.tales", Plain(64)}})[0].certain);
  // Behind compression there may be any amount of text.
  EXPECT_FALSE(Find(kSmall, {{"source.tales", {20, 1, true, 60}}})[0].certain);
  // Between fields that are joined stands what is in no file.
  const auto joined = [](const char* joiner) {
    return Find(Replaced("text: text", std::string("join: [a, b], joiner: \"") + joiner + "\""),
                {{"source.tales", Plain(48)}})[0]
        .certain;
  };
  EXPECT_TRUE(joined(" "));
  EXPECT_FALSE(joined("----------"));
}

// What a cap leaves out is not set aside.
TEST(SetAsideTest, CapsOfACorpusCount) {
  const auto capped = [](const char* cap) {
    TextSize size = Plain(10'000'000);
    size.document_bytes = 1000;
    return Find(Replaced("files: [tales.jsonl]", std::string("files: [tales.jsonl], ") + cap),
                {{"source.tales", size}});
  };
  // A hundredth of 102,400 bytes are 256 tokens.
  EXPECT_THAT(capped("bytes: 102400"), IsEmpty());
  ASSERT_THAT(capped("bytes: 100000"), SizeIs(1));
  EXPECT_FALSE(capped("bytes: 100000")[0].certain);  // the last document may be of any length
  EXPECT_THAT(capped("bytes: 100000")[0].message,
              HasSubstr("about 250 tokens are set aside for validation, not one sequence of 256; "
                        "raise validation.documents or the corpus's caps, give it"));
  EXPECT_THAT(capped("documents: 103"), IsEmpty());
  EXPECT_THAT(capped("documents: 100")[0].message, HasSubstr("about 250 tokens"));
  EXPECT_THAT(capped("tokens: 25600"), IsEmpty());
  EXPECT_THAT(capped("tokens: 25000")[0].message, HasSubstr("about 250 tokens"));
  EXPECT_TRUE(capped("tokens: 255")[0].certain);
  EXPECT_THAT(capped("tokens: 25600, bytes: 100000")[0].message, HasSubstr("about 250 tokens"));
}

TEST(SetAsideTest, OnlyWhatAJobReadsCounts) {
  EXPECT_THAT(Find(kSmall, {{"source.tales", Plain(10)}}, {"prepare:tales"}), IsEmpty());
  EXPECT_THAT(Find(kSmall, {{"source.tales", Plain(10)}}, {"path_2"}), IsEmpty());
  EXPECT_THAT(Find(kSmall, {{"source.tales", Plain(10)}}, {"path_1"}), SizeIs(1));
  EXPECT_THAT(Find(kSmall, {}), IsEmpty());
}

}  // namespace
}  // namespace braid::recipe
