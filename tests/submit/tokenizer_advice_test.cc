#include "submit/tokenizer_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace braid::submit {
namespace {

using testing::HasSubstr;

TEST(TokenizerAdviceTest, SaysTheSizeAndWhyAndWhatIsThere) {
  EXPECT_THAT(TokenizerAdvice(2'000'000, 4096, {}),
              HasSubstr("one of 4096 entries is trained on this text, of which each is then met "
                        "about 488 times in its 2.00 M tokens"));
  const std::string text = TokenizerAdvice(
      2'000'000, 4096, {{"small/tokenizer.json", 8000}, {"large/tokenizer.json", 50'257}});
  EXPECT_THAT(text, HasSubstr("\n  small/tokenizer.json is here, of 8000 entries, each met about "
                              "250 times: --tokenizer small/tokenizer.json takes it"));
  EXPECT_THAT(text, HasSubstr("\n  large/tokenizer.json is here, of 50257 entries, each met about "
                              "39 times: too many for so little text"));
}

TEST(TokenizerAdviceTest, TokenizersAreFoundByTheirContent) {
  const auto folder = TemporaryFolder::Create();
  ASSERT_TRUE(folder.ok());
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = JoinPath(folder->path(), name);
    ASSERT_TRUE(MakeFolder(FolderOf(path)).ok());
    ASSERT_TRUE(WriteFileAtomic(path, text).ok());
  };
  write("b/tokenizer.json", R"({"model": {"vocab": {"a": 0, "b": 1, "c": 2}}})");
  write("c/tokenizer.json", "no JSON");
  write("d/tokenizer.json", R"({"model": {"type": "none"}})");
  write("e/deep/tokenizer.json", R"({"model": {"vocab": {"a": 0}}})");
  write("tokenizer.json", R"({"model": {"vocab": {"a": 0, "b": 1}}})");
  const std::vector<FoundTokenizer> found = FindTokenizers(folder->path());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].path, JoinPath(folder->path(), "tokenizer.json"));
  EXPECT_EQ(found[0].entries, 2);
  EXPECT_EQ(found[1].entries, 3);
}

}  // namespace
}  // namespace braid::submit
