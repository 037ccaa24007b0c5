// The first recipe of braid init: sizes for any amount of text, and text that is always a recipe.
#include "submit/first_recipe.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/file.h"
#include "submit/file_groups.h"
#include "submit/recipe_check.h"

namespace braid::submit {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(FirstRecipeTest, SizesSuitTheText) {
  for (double tokens = 100; tokens < 1e12; tokens *= 3) {
    for (const size_t corpora : {size_t{1}, size_t{2}, size_t{5}, size_t{8}, size_t{12}}) {
      const auto each = static_cast<int64_t>(tokens);
      const FirstSizes sizes = SizesFor(std::vector<CorpusSize>(corpora, {each, each / 200}));
      EXPECT_EQ(sizes.d % sizes.heads, 0);
      EXPECT_GE(sizes.vocab, 512);
      EXPECT_LE(sizes.vocab, 32'768);
      EXPECT_GE(sizes.validation, 0.02);
      EXPECT_LE(sizes.validation, 0.3);
      const double used = static_cast<double>(sizes.tokens > 0 ? sizes.tokens : each);
      const auto width = static_cast<double>(sizes.d) * static_cast<double>(corpora);
      EXPECT_LE(6 * 2 * used * static_cast<double>(corpora) * 16 * width * width *
                    static_cast<double>(sizes.blocks),
                2e13)
          << tokens;
      // At least a few sequences are held out of everything that is no handful of words.
      if (used > 10'000) {
        EXPECT_GE(used * sizes.validation, 4.0 * static_cast<double>(sizes.sequence)) << tokens;
        EXPECT_GE(sizes.steps, 20) << tokens;
      }
    }
  }
  EXPECT_LT(SizesFor({{50'000, 999}}).d, SizesFor({{2'000'000, 999}}).d);
  EXPECT_EQ(SizesFor({{2'000'000, 999}}).tokens, 0);
  EXPECT_GE(SizesFor({{2'000'000'000, 999'999}}).tokens, 1'000'000);
  // Of few documents, more are held out: each is by a draw of its own.
  EXPECT_EQ(SizesFor({{2'000'000, 10'000}}).validation, 0.02);
  EXPECT_EQ(SizesFor({{2'000'000, 100}, {2'000'000, 9'999}}).validation, 0.1);
  EXPECT_EQ(SizesFor({{2'000'000, 15}}).validation, 0.3);
}

TEST(FirstRecipeTest, WhatIsWrittenIsARecipe) {
  for (const double bytes : {4e3, 4e5, 4e7, 4e9}) {
    TextFacts rows{"tales", {"a \"b\" {c}*.jsonl"}, true, {"text"}};
    rows.text_bytes = bytes;
    rows.words = "He said \"no\": \\ # {x}";
    TextFacts pairs{"sums", {"x.jsonl"}, true, {"question", "answer"}};
    pairs.text_bytes = bytes / 2;
    TextFacts plain{"book", {"b.txt"}};
    plain.separator = "***";
    plain.text_bytes = bytes;
    for (const std::vector<TextFacts>& corpora :
         {std::vector{rows}, std::vector{rows, pairs}, std::vector{rows, pairs, plain}}) {
      const std::string text = FirstRecipe({"my-run", ""}, corpora);
      const auto check = CheckRecipe(text, "recipe.yaml", {});
      ASSERT_TRUE(check.ok() && check->status().ok()) << text << check->status().message();
      EXPECT_EQ(check->recipe->corpora.size(), corpora.size());
      EXPECT_THAT(check->recipe->corpora.front().files, ElementsAre("a \"b\" \\{c\\}\\*.jsonl"));
      EXPECT_EQ(check->recipe->paths.size(), corpora.size() > 1 ? corpora.size() : 0);
    }
  }
  TextFacts ids{"ids", {"ids.jsonl"}, true};
  ids.input_ids = "input_ids";
  ids.text_bytes = 4e6;
  const std::string text = FirstRecipe({"ids", "tokenizer.json"}, {ids});
  EXPECT_THAT(text, HasSubstr("tokenizer: {file: \"tokenizer.json\"}"));
  EXPECT_THAT(text, Not(HasSubstr("generate")));
  EXPECT_TRUE(CheckRecipe(text, "recipe.yaml", {})->status().ok()) << text;
}

class TextFactsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = JoinPath(folder_.path(), name);
    EXPECT_TRUE(WriteFileAtomic(path, text).ok());
    return path;
  }
  Status Look(const std::vector<std::string>& paths, TextFacts* facts = nullptr) {
    TextFacts own;
    own.paths = paths;
    const Status status = LookAtText(&own);
    if (facts != nullptr) *facts = own;
    return status;
  }
  static std::string Times(const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(TextFactsTest, WhatIsNeitherRowsNorTextIsRefused) {
  EXPECT_THAT(Look({Write("list.json", "[\n{\"text\": \"a\"},\n{\"text\": \"b\"}\n]\n")}).message(),
              HasSubstr("this file is a list"));
  EXPECT_THAT(
      Look({Write("a.txt", "some words\n"), Write("b.jsonl", "{\"text\": \"a\"}\n")}).message(),
      AllOf(HasSubstr("b.jsonl is to hold rows"), HasSubstr("a.txt is none")));
  EXPECT_THAT(Look({Write("latin1.txt", "caf\xe9\n")}).message(),
              AllOf(HasSubstr("latin1.txt:1: the text is not UTF-8"), HasSubstr("iconv")));
}

TEST_F(TextFactsTest, RowsOfMessagesAreChats) {
  const std::string row = R"({"prompt":"longer than the messages","id":"x",)"
                          R"("messages":[{"role":"user","content":"Who?"},)"
                          R"({"role":"assistant","content":"You."}]})"
                          "\n";
  TextFacts facts;
  ASSERT_TRUE(Look({Write("talks.jsonl", Times(row, 50))}, &facts).ok());
  EXPECT_EQ(facts.messages, "messages");
  EXPECT_NEAR(facts.text_bytes, 50 * 8, 1);
  facts.name = "talks";
  const std::string text = FirstRecipe(
      {.run = "r",
       .chat = TemplateFor(Write("tokenizer.json", R"({"added_tokens":[{"id":1,)"
                                                   R"("content":"<|im_start|>"}]})"))},
      {facts});
  EXPECT_THAT(text, HasSubstr("    chat: {template: chatml}   # "));
  EXPECT_TRUE(CheckRecipe(text, "recipe.yaml", {})->status().ok()) << text;
  EXPECT_EQ(TemplateFor("nowhere.json"), spec::ChatTemplate::kPlain);
  for (const auto& [token, name] : {std::pair{"<|start_header_id|>", spec::ChatTemplate::kLlama3},
                                    {"[INST]", spec::ChatTemplate::kMistralTekken}}) {
    Json file;
    file["added_tokens"] = Json::array({Json::object({{"id", 1}, {"content", token}})});
    EXPECT_EQ(TemplateFor(Write("other.json", file.dump())), name) << token;
    if (name != spec::ChatTemplate::kMistralTekken) continue;
    file["model"]["byte_fallback"] = true;
    EXPECT_EQ(TemplateFor(Write("v3.json", file.dump())), spec::ChatTemplate::kMistralV3);
    file["added_tokens"].push_back(Json::object({{"id", 2}, {"content", "[SYSTEM_PROMPT]"}}));
    EXPECT_EQ(TemplateFor(Write("v7.json", file.dump())), spec::ChatTemplate::kPlain);
  }
  // A text that was written out of the messages is taken as it is.
  const std::string both = R"({"text":"a","conversations":[{"from":"human","value":"b"}]})"
                           "\n";
  ASSERT_TRUE(Look({Write("both.jsonl", Times(both, 50))}, &facts).ok());
  EXPECT_THAT(facts.fields, ElementsAre("text"));
  EXPECT_EQ(facts.messages, "");
  // In one row there is a picture: no chat for all of them.
  const std::string picture = R"({"prompt":"longer than the messages","id":"y",)"
                              R"("messages":[{"role":"user","content":[{"type":"image"}]}]})"
                              "\n";
  ASSERT_TRUE(Look({Write("mixed.jsonl", Times(row, 3) + picture)}, &facts).ok());
  EXPECT_EQ(facts.messages, "");
}

TEST_F(TextFactsTest, TheLineThatSeparatesMostIsTheSeparator) {
  const std::string text = Times("words\n---\n", 12) + Times("words\n<|endoftext|>\n", 90) +
                           Times(std::string(999, 'x') + "\n", 5'000);
  TextFacts facts;
  ASSERT_TRUE(Look({Write("much.txt", text)}, &facts).ok());
  EXPECT_EQ(facts.separator, "<|endoftext|>");
}

TEST_F(TextFactsTest, PassagesAreCutAndTheirSeparatorsLeftOut) {
  TextFacts facts;
  ASSERT_TRUE(Look({Write("line.txt", Times("word ", 4'000) + "\n")}, &facts).ok());
  const std::string path = JoinPath(folder_.path(), "line.jsonl");
  EXPECT_GT(WritePassages(facts, path).value(), 20) << "one long line";

  ASSERT_TRUE(Look({Write("few.txt", Times("some words\n***\n", 12))}, &facts).ok());
  const std::string rows = JoinPath(folder_.path(), "few.jsonl");
  EXPECT_EQ(WritePassages(facts, rows).value(), 12);
  EXPECT_THAT(ReadFile(rows, 1 << 20).value(), Not(HasSubstr("***")));

  ASSERT_TRUE(Look({Write("blank.txt", " \n\n")}, &facts).ok());
  const std::string none = JoinPath(folder_.path(), "blank.jsonl");
  EXPECT_THAT(WritePassages(facts, none).status().message(), HasSubstr("too little text"));
  EXPECT_FALSE(PathExists(none));
}

TEST_F(TextFactsTest, APatternMeansTheFilesOfItsCorpusAlone) {
  TextFacts facts{"shard", {}};
  for (int i = 10; i < 20; ++i)
    facts.paths.push_back(Write("shard" + std::to_string(i) + ".txt", "x\n"));
  facts.text_bytes = 4e6;
  EXPECT_THAT(FirstRecipe({"r", "", folder_.path()}, {facts}), HasSubstr("shard1*.txt"));
  (void)Write("shard1_test.txt", "x\n");
  const std::string text = FirstRecipe({"r", "", folder_.path()}, {facts});
  EXPECT_THAT(text,
              AllOf(Not(HasSubstr("*.txt")), HasSubstr("shard10.txt"), HasSubstr("shard19.txt")));
}

TEST(FirstRecipeTest, FilesAreGroupedByTheirNames) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  const auto at = [&](const std::string& name) { return JoinPath(folder.path(), name); };
  for (const char* name : {"train-00001.jsonl.gz", "train-00002.jsonl.gz", "2024.txt", "tales.txt"})
    ASSERT_TRUE(WriteFileAtomic(at(name), "x\n").ok());
  const auto groups = GroupFiles({at("train-00002.jsonl.gz"), at("train-00001.jsonl.gz"),
                                  at("2024.txt"), at("tales.txt"), "own=" + at("tales.txt")});
  ASSERT_TRUE(groups.ok()) << groups.status().message();
  std::vector<std::string> names;
  for (const TextFacts& facts : *groups) names.push_back(facts.name);
  EXPECT_THAT(names, ElementsAre("train", "2024", "tales", "own"));
  EXPECT_THAT(groups->front().paths,
              ElementsAre(at("train-00001.jsonl.gz"), at("train-00002.jsonl.gz")));
}

}  // namespace
}  // namespace braid::submit
