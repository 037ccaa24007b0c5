// The graph of a recipe: which jobs, which edges, which specs.
#include "recipe/expand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace braid::recipe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::string Text(const std::string& first_path, const std::string& corpus = "") {
  return "run: small\n"
         "tokenizer: {train: {vocab: 400}}\n"
         "corpora:\n"
         "  tales: {files: [tales.jsonl], tokens: 10000" + corpus + "}\n"
         "  sums:  {files: [sums.jsonl], tokens: 20000}\n"
         "validation: {documents: 0.1}\n"
         "sequence: 32\n"
         "paths:\n"
         "  - {name: path_1, corpus: tales, d: 64, heads: 2, blocks: 3" + first_path + "}\n"
         "  - {name: path_2, corpus: sums, d: 64, heads: 2, blocks: 3}\n"
         "composites: [{name: c}]\n"
         "baselines: [{name: dense, d: 128, heads: 4, blocks: 4}]\n"
         "train: {batch: 4, accumulate: 1, epochs: 1}\n"
         "joint: {ranks: 2}\n";
}

Dag MustExpand(const std::string& text, const Known& known = {}) {
  const auto recipe = ParseRecipe(text, "r.yaml");
  EXPECT_TRUE(recipe.ok()) << recipe.status().message();
  const auto dag = Expand(*recipe, known);
  EXPECT_TRUE(dag.ok()) << dag.status().message();
  return *dag;
}

std::vector<std::string> Names(const Dag& dag) {
  std::vector<std::string> names;
  for (const JobNode& job : dag.jobs) names.push_back(job.name);
  return names;
}

TEST(ExpandTest, MakesEveryJobOfTheMainJob) {
  EXPECT_THAT(Names(MustExpand(Text(""))),
              UnorderedElementsAre("tokenizer", "prepare:tales", "prepare:sums", "path_1", "path_2", "dense", "merge:c", "gate:c", "joint:c",
                                   "evaluate:path_1", "evaluate:path_2", "evaluate:dense", "evaluate:c", "evaluate:c@start", "report"));
}

TEST(ExpandTest, ParentsComeFirstAndFollowFromInputs) {
  const Dag dag = MustExpand(Text(""));
  std::set<std::string> seen;
  for (const JobNode& job : dag.jobs) {
    for (const std::string& parent : job.parents) EXPECT_TRUE(seen.contains(parent)) << job.name << " before " << parent;
    for (const auto& [role, input] : job.inputs) {
      if (input.job.empty()) continue;
      EXPECT_THAT(job.parents, testing::Contains(input.job)) << job.name << " " << role;
    }
    seen.insert(job.name);
  }
  EXPECT_THAT(dag.Find("path_1")->parents, ElementsAre("prepare:tales", "tokenizer"));
  EXPECT_THAT(dag.Find("joint:c")->parents, ElementsAre("gate:c", "merge:c", "prepare:sums", "prepare:tales", "tokenizer"));
}

TEST(ExpandTest, SpecsAreThoseOfTheTaskProtocol) {
  const Dag dag = MustExpand(Text(""));
  const JobNode& path = *dag.Find("path_1");
  EXPECT_EQ(path.spec["model"]["dense"]["d"], 64);
  EXPECT_EQ(path.spec["model"]["vocab"], 0);  // decided when the tokenizer is there
  EXPECT_EQ(path.spec["data"]["sources"], Json::parse(R"([{"role": "data.tales", "share": "paths"}])"));
  EXPECT_EQ(path.spec["data"]["sequence"], 32);
  EXPECT_EQ(path.spec["train"]["batch"], 4);
  const JobNode& joint = *dag.Find("joint:c");
  EXPECT_EQ(joint.ranks, 2);
  EXPECT_EQ(joint.spec["data"]["sources"][1], Json::parse(R"({"role": "data.sums", "share": "joint"})"));
  EXPECT_EQ(joint.spec["model"]["large"]["d"], 128);
  EXPECT_EQ(joint.inputs.at("init").job, "merge:c");
  const JobNode& dense = *dag.Find("dense");
  for (const Json& source : dense.spec["data"]["sources"]) EXPECT_EQ(source["share"], "all");
  EXPECT_EQ(dag.Find("merge:c")->spec["parents"], Json({"path_1", "path_2"}));
  EXPECT_EQ(dag.Find("evaluate:c@start")->inputs.at("model").job, "merge:c");
  EXPECT_EQ(dag.Find("evaluate:c")->inputs.at("model").job, "joint:c");
  EXPECT_EQ(dag.Find("report")->spec["models"].size(), 5u);
  EXPECT_NE(path.spec["seed"], dag.Find("path_2")->spec["seed"]);  // no twins
}

TEST(ExpandTest, ABaselineSeesTheTokensOfPathsAndJointPhaseTogether) {
  const Dag dag = MustExpand(Text(""));
  const auto tokens = [&](const char* name) { return dag.Find(name)->estimate.tokens; };
  EXPECT_EQ(tokens("path_1"), 5400);  // 10,000 tokens, a tenth aside, 60 %
  EXPECT_EQ(tokens("path_1") + tokens("path_2") + tokens("joint:c"), tokens("dense"));
}

TEST(ExpandTest, EstimatesParametersAndOperations) {
  // By hand: embedding and head 2 * 401 * 64, a block 4 * 64^2 + 3 * 64 * 256 + 2 * 64, final norm 64.
  const JobNode path = *MustExpand(Text("")).Find("path_1");
  EXPECT_EQ(path.estimate.parameters, 2 * 401 * 64 + 3 * (4 * 64 * 64 + 3 * 64 * 256 + 2 * 64) + 64);
  EXPECT_GT(path.estimate.flops, 6.0 * 3 * 65'536 * 5400);
  EXPECT_EQ(path.estimate.bytes, 12 * path.estimate.parameters);
}

TEST(ExpandTest, KnownSizesBoundByCaps) {
  const Dag dag = MustExpand(Text(""), {0, {{"tales", 1000}, {"sums", 1'000'000}}});
  EXPECT_EQ(dag.Find("prepare:tales")->estimate.tokens, 1000);
  EXPECT_EQ(dag.Find("prepare:sums")->estimate.tokens, 20'000);
}

TEST(ExpandTest, ASiteKeepsFilesInPlace) {
  const Dag dag = MustExpand(Text("", ", site: helsinki"));
  const JobNode& prepare = *dag.Find("prepare:tales");
  EXPECT_EQ(prepare.site, "helsinki");
  EXPECT_FALSE(prepare.inputs.contains("source"));
  EXPECT_EQ(prepare.spec["corpus"]["files"], Json({"tales.jsonl"}));
  for (const Source& source : dag.sources) EXPECT_NE(source.name, "source.tales");
}

TEST(ExpandTest, APathMayComeFromAnArtifactOrAFolder) {
  const Dag artifact = MustExpand(Text(", from: 0123456789abcdef"));
  EXPECT_EQ(artifact.Find("path_1"), nullptr);
  EXPECT_EQ(artifact.Find("merge:c")->inputs.at("parent.path_1").artifact, "0123456789abcdef");
  const Dag folder = MustExpand(Text(", from: ./old/model"));
  EXPECT_EQ(folder.Find("merge:c")->inputs.at("parent.path_1").source, "from.path_1");
  EXPECT_TRUE(std::any_of(folder.sources.begin(), folder.sources.end(), [](const Source& s) { return s.name == "from.path_1" && s.kind == "checkpoint"; }));
  EXPECT_NE(folder.Find("evaluate:path_1"), nullptr);
}

TEST(ExpandTest, OnlyTakesAJobAndWhatItNeeds) {
  const auto part = Only(MustExpand(Text("")), {"path_1"});
  ASSERT_TRUE(part.ok());
  EXPECT_THAT(Names(*part), ElementsAre("tokenizer", "prepare:tales", "path_1"));
  EXPECT_EQ(part->sources.size(), 2u);  // the tokenizer is trained on both corpora
  const auto none = Only(MustExpand(Text("")), {"path1"});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(none.status().message(), HasSubstr("no job \"path1\"; did you mean path_1?"));
}

}  // namespace
}  // namespace braid::recipe
