// Sizes of files become tokens of corpora, and those costs of jobs.
#include "submit/sizes.h"

#include <gmock/gmock.h>

#include "base/utf8.h"
#include "corpus/unicode.h"
#include "tests/corpus/packed.h"
#include "tests/submit/recipe_folder.h"

namespace braid::submit {
namespace {

class SizesTest : public RecipeFolder {
 protected:
  static std::string Rows(int count) {
    std::string rows;
    for (int i = 0; i < count; ++i) rows += "{\"text\": \"once upon a time there was a fox\"}\n";
    return rows;  // 45 bytes each
  }
  RecipeFile Loaded(const std::string& corpora, const std::string& more = "") {
    auto file = Load(Recipe(corpora, more));
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(*file);
  }
  int64_t Tokens(const std::string& options) {
    return Loaded("  c: {files: [rows.jsonl], text: text" + options + "}\n").known.tokens.at("c");
  }
};

TEST_F(SizesTest, SamplesAndCapsAreTakenOff) {
  Write("rows.jsonl", Rows(1000));
  EXPECT_EQ(Tokens(""), 45'000 / 4);
  EXPECT_EQ(Tokens(", sample: 0.5"), 45'000 / 8);
  EXPECT_EQ(Tokens(", bytes: 9000"), 9000 / 4);
  EXPECT_EQ(Tokens(", bytes: 90000"), 45'000 / 4);
  EXPECT_EQ(Tokens(", documents: 100"), 4500 / 4);
  EXPECT_EQ(Tokens(", documents: 100, sample: 0.5"), 4500 / 4);  // counted after sampling
  EXPECT_EQ(Tokens(", documents: 100000"), 45'000 / 4);
  Write("rows.jsonl", corpus::Gzip(Rows(1000)));
  EXPECT_EQ(Tokens(", documents: 100"), std::min<int64_t>(4500 / 4, Tokens("")));
}

TEST_F(SizesTest, DocumentsOfPlainTextAreFilesOrWhatIsBetweenSeparators) {
  Write("one.txt", std::string(8000, 'x'));
  Write("two.txt", "a\n--\nb\n--\n");
  const auto tokens = [&](const std::string& options) {
    return Loaded("  c: {" + options + "}\n").known.tokens.at("c");
  };
  EXPECT_EQ(tokens("files: [one.txt], documents: 7"), 2000);
  EXPECT_EQ(tokens("files: [two.txt], separator: \"--\", documents: 1"), 5 / 4);
}

// Two paths whose corpora have no caps cost as their files are large, before anything is prepared.
TEST_F(SizesTest, CostsFollowFromFiles) {
  Write("small.jsonl", Rows(2000));
  Write("large.jsonl", Rows(6000));
  const RecipeFile file = Loaded(
      "  s: {files: [small.jsonl], text: text}\n  l: {files: [large.jsonl], text: text}\n",
      "paths: [{name: short, corpus: s, d: 8, heads: 2, blocks: 1}, {name: long, corpus: l, d: 8, "
      "heads: 2, blocks: 1}]\n");
  const double short_cost = file.dag.Find("short")->estimate.flops,
               long_cost = file.dag.Find("long")->estimate.flops;
  EXPECT_GT(short_cost, 0);
  EXPECT_NEAR(long_cost / short_cost, 3, 1e-6);
}

// MostTokens counts on it: no character becomes more than three times as long by composition.
TEST_F(SizesTest, CompositionMakesNoTextMoreThanThreeTimesAsLong) {
  double most = 0;
  for (uint32_t code = 1; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    AppendUtf8(code, &text);
    most = std::max(
        most, static_cast<double>(corpus::Nfc(text).size()) / static_cast<double>(text.size()));
  }
  EXPECT_EQ(most, 3);
}

}  // namespace
}  // namespace braid::submit
