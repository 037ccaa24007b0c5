// What stands in files, all of it at once.
#include "submit/content.h"

#include <gmock/gmock.h>

#include "submit/submission.h"
#include "tests/submit/recipe_folder.h"

namespace braid::submit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ContentTest : public RecipeFolder {
 protected:
  ContentTest() {
    std::string rows;
    for (int i = 0; i < 200; ++i) rows += "{\"text\": \"once upon a time there was a fox\"}\n";
    Write("rows.jsonl", rows);
    Write("more.jsonl", rows);
  }
  // Without braid-trainer: what needs it is not checked.
  std::vector<Finding> Findings() {
    auto submission = Examine(At("recipe.yaml"), {}, {At("no-trainer"), folder_.path()});
    EXPECT_TRUE(submission.ok()) << submission.status().message();
    return submission.ok() ? submission->findings : std::vector<Finding>();
  }
  std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    for (const Finding& finding : Findings()) texts.push_back(TextOf(finding));
    return texts;
  }
  const std::string kSequence = "sequence: 4\ntrain: {batch: 2, accumulate: 1, epochs: 1}\n";
};

TEST_F(ContentTest, NothingIsFoundWhereNothingIsWrong) {
  Recipe("  c: {files: [rows.jsonl], text: text}\n", kSequence);
  EXPECT_THAT(Texts(), IsEmpty());
}

// A user mends them all in one go.
TEST_F(ContentTest, EverythingIsFoundAtOnce) {
  Write("list.json", "[\n{\"text\": \"one\"},\n{\"text\": \"two\"}\n]\n");
  Write("null.jsonl", "{\"text\": null}\n");
  std::string stories;
  for (int i = 0; i < 200; ++i) stories += "{\"story\": \"once upon a time there was a fox\"}\n";
  Write("story.jsonl", stories);
  Write("model/config.json", "{}");
  Recipe(
      "  c: {files: [rows.jsonl, list.json, null.jsonl], text: text}\n"
      "  d: {files: [story.jsonl], text: text}\n"
      "  e: {files: [more.jsonl], validation: [./more.jsonl], text: text}\n"
      "  f: {files: [far.jsonl]}\n",
      kSequence + "paths: [{name: p, corpus: e, d: 8, heads: 2, blocks: 1, from: ./model}]\n");
  const auto findings = Findings();
  const std::string recipe = At("recipe.yaml");
  const auto texts = Texts();
  ASSERT_EQ(texts.size(), 6u) << testing::PrintToString(texts);
  EXPECT_THAT(texts[0], StartsWith(recipe + ":4: " + At("list.json") +
                                   ":1: the row is not a JSON object: one object a line; this file "
                                   "is a list"));
  EXPECT_THAT(texts[1], StartsWith(recipe + ":4: " + At("null.jsonl") +
                                   ":1: field \"text\" is not text, but null"));
  EXPECT_THAT(texts[2], StartsWith(recipe + ":5: " + At("story.jsonl") +
                                   ":1: the row has no field \"text\"; it has story"));
  EXPECT_EQ(texts[3], recipe + ":6: corpora.e: " + At("more.jsonl") +
                          " is among its files and its validation files; what is set aside is not "
                          "trained on");
  EXPECT_EQ(texts[4], recipe + ":7: no file matches " + At("far.jsonl"));
  EXPECT_THAT(texts[5], StartsWith(recipe + ":11: "));
  std::vector<std::string> fields;
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.severity, Severity::kError);
    EXPECT_EQ(finding.missing, finding.field == "corpora.f.files");
    fields.push_back(finding.field);
  }
  EXPECT_THAT(fields, ElementsAre("corpora.c.files", "corpora.c.files", "corpora.d.files",
                                  "corpora.e.validation", "corpora.f.files", "paths.p.from"));
  EXPECT_EQ(findings[0].subject, At("list.json"));
  EXPECT_EQ(findings[5].subject, At("./model"));
}

TEST_F(ContentTest, TextSetAsideIsAnErrorWhereItIsCertain) {
  Write("short.jsonl", "{\"text\": \"one\"}\n");
  Recipe("  c: {files: [short.jsonl], text: text}\n");
  const auto findings = Findings();
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].severity, Severity::kError);
  EXPECT_EQ(findings[0].field, "corpora.c");
  EXPECT_THAT(TextOf(findings[0]), HasSubstr("recipe.yaml:4: corpora.c: at most "));
  Recipe("  c: {files: [rows.jsonl], text: text}\n");
  EXPECT_EQ(Findings()[0].severity, Severity::kWarning);
  EXPECT_THAT(Texts()[0], HasSubstr("recipe.yaml:4: corpora.c: about "));
}

TEST_F(ContentTest, PartsOfSpeechAreReadHere) {
  Write("tagged.jsonl", "{\"words\": 3}\n");
  Recipe(
      "  c: {files: [rows.jsonl], text: text}\n",
      kSequence +
          "paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1, block: loop, dual: {loops: 2, "
          "ffn_deep: 8}}]\n"
          "evaluate: [{dual: {tagged: [tagged.jsonl], interventions: published}}]\n");
  const auto findings = Findings();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].field, "evaluate.tagged");
  EXPECT_THAT(TextOf(findings[0]), HasSubstr("recipe.yaml:9: evaluate.tagged: "));
  EXPECT_THAT(TextOf(findings[0]), HasSubstr("tagged.jsonl:1"));
}

}  // namespace
}  // namespace braid::submit
