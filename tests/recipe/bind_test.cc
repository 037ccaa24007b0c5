// Corpora that are bound to their sites: where the jobs of a recipe may run, and what is refused.
#include "recipe/graph/bind.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "schema/read.h"
#include "spec/corpus.h"
#include "task/artifact.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using task::Binding;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A path on each of two corpora and a composite of both; `stories` and `notes` are put behind the
// files of the corpora, `more` at the end.
std::string Bound(const std::string& stories, const std::string& notes,
                  const std::string& more = "") {
  return "run: small\n"
         "tokenizer: {file: t.json, vocab: 400}\n"
         "corpora:\n"
         "  stories: {files: [/s.txt]" +
         stories +
         "}\n"
         "  notes: {files: [/n.txt]" +
         notes +
         "}\n"
         "split: {paths: 0.5, unit: document}\n"
         "paths:\n"
         "  - {name: one, corpus: stories, d: 64, heads: 2, blocks: 3}\n"
         "  - {name: two, corpus: notes, d: 64, heads: 2, blocks: 3}\n"
         "composites:\n"
         "  - {name: c}\n"
         "train: {batch: 4, optimizer: {lr: 1e-3}}\n" +
         more;
}

const char kPathsAtA[] = ", site: a, bind: paths", kPathsAtB[] = ", site: b, bind: paths";
const char kAllAtA[] = ", site: a, bind: all", kAllAtB[] = ", site: b, bind: all";

const JobNode& JobIn(const Dag& dag, const std::string& name) {
  const JobNode* job = dag.Find(name);
  EXPECT_NE(job, nullptr) << name;
  static const JobNode none;
  return job == nullptr ? none : *job;
}

// The refusals of these jobs and of those that they need, a line each.
std::string Refused(const std::string& text, const std::vector<std::string>& only = {}) {
  const Dag part = Only(MustExpand(text), only).value();
  std::string lines;
  for (const Refusal& refusal : part.refusals)
    lines += Format("%d:", refusal.line) + refusal.field + ": " + refusal.text + "\n";
  return lines;
}

TEST(BindTest, WithoutItASiteKeepsItsFilesAlone) {
  const Dag dag = MustExpand(Bound(", site: a", ""));
  for (const JobNode& job : dag.jobs) EXPECT_EQ(job.binding, Binding::kNothing) << job.name;
  EXPECT_EQ(JobIn(dag, "prepare:stories").site, "a");
  EXPECT_EQ(JobIn(dag, "one").site, "");
  EXPECT_FALSE(JobIn(dag, "prepare:stories").spec.contains("shared"));
}

TEST(BindTest, PathsAreTrainedWhereTheirTextIsAndTheirModelsLeave) {
  const Dag dag = MustExpand(Bound(kPathsAtA, kPathsAtB));
  EXPECT_THAT(dag.refusals, IsEmpty());
  EXPECT_EQ(JobIn(dag, "prepare:stories").binding, Binding::kShards);
  EXPECT_EQ(JobIn(dag, "one").binding, Binding::kInputs);
  EXPECT_EQ(JobIn(dag, "one").site, "a");
  EXPECT_EQ(JobIn(dag, "two").site, "b");
  EXPECT_EQ(JobIn(dag, "one").inputs.at("data.stories").role, task::role::kShards);
  for (const char* name : {"merge:c", "gate:c", "joint:c"}) {
    EXPECT_EQ(JobIn(dag, name).binding, Binding::kNothing) << name;
    EXPECT_EQ(JobIn(dag, name).site, "") << name;
  }
  EXPECT_EQ(JobIn(dag, "joint:c").inputs.at("data.stories").role, task::role::kShared);
  EXPECT_EQ(JobIn(dag, "gate:c").inputs.at("data.notes").role, task::role::kShared);
  EXPECT_EQ(JobIn(dag, "evaluate:c").inputs.at("data.notes").role, task::role::kShared);
  EXPECT_EQ(JobIn(dag, "evaluate:one").site, "") << "what is set aside may leave";
}

// The trainings and what leaves must agree on which documents are whose.
TEST(BindTest, WhatLeavesIsDividedAsTheTrainingsDivide) {
  const Dag dag = MustExpand(Bound(kPathsAtA, "", "seed: 7\n"));
  const auto prepare =
      schema::FromJson<spec::PrepareTask>(JobIn(dag, "prepare:stories").spec, "spec").value();
  ASSERT_TRUE(prepare.shared.has_value());
  const Json& data = JobIn(dag, "joint:c").spec["data"];
  EXPECT_EQ(prepare.shared->seed, data["seed"].get<uint64_t>());
  EXPECT_EQ(schema::ToJson(prepare.shared->split), data["split"]);
  EXPECT_FALSE(JobIn(dag, "prepare:notes").spec.contains("shared"));
}

TEST(BindTest, WithAllEverythingThatIsMadeOfItStays) {
  const Dag dag = MustExpand(Bound(kAllAtA, ""));
  EXPECT_THAT(dag.refusals, IsEmpty());
  for (const char* name : {"prepare:stories", "one", "merge:c", "gate:c", "joint:c", "evaluate:c",
                           "evaluate:two", "report"}) {
    EXPECT_EQ(JobIn(dag, name).binding, Binding::kOutputs) << name;
    EXPECT_EQ(JobIn(dag, name).site, "a") << name;
  }
  for (const char* name : {"tokenizer", "prepare:notes", "two"}) {
    EXPECT_EQ(JobIn(dag, name).binding, Binding::kNothing) << name;
    EXPECT_EQ(JobIn(dag, name).site, "") << name;
  }
}

TEST(BindTest, TwoSitesThatLetNothingOutHaveNoCompositeAndNoEvaluationOfEachOther) {
  const std::string text = Bound(kAllAtA, kAllAtB);
  const std::string refused = Refused(text);
  EXPECT_THAT(refused,
              HasSubstr("4:corpora.stories.bind: job merge:c could run nowhere: it reads model of "
                        "one, which is at site a (corpus stories), and model of two, which is at "
                        "site b (corpus notes)"));
  EXPECT_THAT(refused, HasSubstr("Write bind: paths"));
  EXPECT_THAT(refused, HasSubstr("job evaluate:one could run nowhere"));
  EXPECT_THAT(refused, Not(HasSubstr("joint:c"))) << "what follows from it is not said again";
  EXPECT_EQ(Refused(text, {"one"}), "") << "one path alone can be trained";
  EXPECT_EQ(Refused(text, {"two"}), "");
}

TEST(BindTest, AModelOnAllTextOfTwoSitesIsRefused) {
  const std::string dense = "baselines:\n  - {name: dense, d: 128, heads: 4, blocks: 4}\n";
  EXPECT_THAT(Refused(Bound(kPathsAtA, kPathsAtB, dense)),
              HasSubstr("job dense could run nowhere: it reads shards of prepare:stories, which is "
                        "at site a (corpus stories), and shards of prepare:notes, which is at site "
                        "b (corpus notes)"));
  EXPECT_THAT(Refused(Bound(kPathsAtA, kPathsAtB, dense)),
              HasSubstr("leave the model out, or let one machine have both corpora"));
  const Dag dag = MustExpand(Bound(kPathsAtA, "", dense));
  EXPECT_EQ(JobIn(dag, "dense").site, "a");
  EXPECT_EQ(JobIn(dag, "dense").binding, Binding::kInputs);
}

TEST(BindTest, AnExportOfWhatStaysIsRefused) {
  const std::string refused = Refused(Bound(kAllAtA, "", "export: true\n"));
  EXPECT_THAT(refused, HasSubstr("export: job export:one would make a model for other programs "
                                 "that nobody could fetch"));
  EXPECT_THAT(refused, HasSubstr("stays at site a (bind: all). Leave export out"));
  EXPECT_THAT(refused, Not(HasSubstr("export:two")));
  EXPECT_EQ(Refused(Bound(kPathsAtA, "", "export: true\n")), "");
}

TEST(BindTest, ATokenizerOfBoundTextIsSaidOrStays) {
  const std::string trained = Replaced("{file: t.json, vocab: 400}",
                                       "{train: {vocab: 400, corpora: [stories]}}",
                                       Bound(kPathsAtA, ""));
  const Dag leaves = MustExpand(trained);
  ASSERT_EQ(leaves.cautions.size(), 1u);
  EXPECT_EQ(leaves.cautions[0].job, "tokenizer");
  EXPECT_THAT(leaves.cautions[0].text,
              HasSubstr("is trained on text of corpus stories, which is bound to site a: its "
                        "entries, words and parts of words of that text, leave the site"));
  EXPECT_EQ(JobIn(leaves, "tokenizer").binding, Binding::kNothing);
  const Dag stays = MustExpand(Replaced("bind: paths", "bind: all", trained));
  EXPECT_EQ(JobIn(stays, "tokenizer").binding, Binding::kOutputs);
  EXPECT_EQ(JobIn(stays, "prepare:notes").site, "a");
  EXPECT_THAT(Refused(Replaced("/n.txt]", "/n.txt], site: b",
                               Replaced("bind: paths", "bind: all", trained))),
              HasSubstr("job prepare:notes could run nowhere"));
}

TEST(BindTest, WhatItNeedsIsSaid) {
  EXPECT_THAT(ErrorOf(Bound(", bind: all", "")),
              HasSubstr("corpora.stories.bind: does nothing without site"));
  EXPECT_THAT(ErrorOf(Replaced("unit: document", "unit: chunk", Bound(kPathsAtA, ""))),
              HasSubstr("split: unit: corpora.stories has bind: paths"));
  EXPECT_EQ(ErrorOf(Replaced("unit: document", "unit: chunk", Bound(kAllAtA, ""))), "no error");
  EXPECT_THAT(ErrorOf(Bound(", site: a, bind: joint", "")), HasSubstr("corpora.stories.bind: "));
  const auto swept = ParseRecipe(Bound(kPathsAtA, "", "seeds: [1, 2]\n"), "r.yaml");
  ASSERT_TRUE(swept.ok()) << swept.status().message();
  EXPECT_THAT(Expand(*swept).status().message(),
              HasSubstr("corpora.stories.bind: with paths, the text is divided in one way"));
  EXPECT_EQ(Refused(Bound(kAllAtA, "", "seeds: [1, 2]\n")), "");
}

}  // namespace
}  // namespace braid::recipe
