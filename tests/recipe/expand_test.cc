// The graph of a recipe: which jobs, which edges, which specs.
#include "recipe/graph/expand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::string Text(const std::string& first_path, const std::string& corpus = "") {
  return "run: small\n"
         "tokenizer: {train: {vocab: 400}}\n"
         "corpora:\n"
         "  tales: {files: [\"" +
         std::string(corpus.find("site") == std::string::npos ? "" : "/data/") +
         "tales.jsonl\"], tokens: 10000" + corpus +
         "}\n"
         "  sums:  {files: [sums.jsonl], tokens: 20000}\n"
         "validation: {documents: 0.1}\n"
         "sequence: 32\n"
         "paths:\n"
         "  - {name: path_1, corpus: tales, d: 64, heads: 2, blocks: 3" +
         first_path +
         "}\n"
         "  - {name: path_2, corpus: sums, d: 64, heads: 2, blocks: 3}\n"
         "composites: [{name: c}]\n"
         "baselines: [{name: dense, d: 128, heads: 4, blocks: 4}]\n"
         "train: {batch: 4, accumulate: 1, epochs: 1}\n"
         "joint: {ranks: 2}\n";
}

std::vector<std::string> Names(const Dag& dag) {
  std::vector<std::string> names;
  for (const JobNode& job : dag.jobs) names.push_back(job.name);
  return names;
}

TEST(ExpandTest, MakesEveryJobOfTheMainJob) {
  EXPECT_THAT(Names(MustExpand(Text(""))),
              UnorderedElementsAre("tokenizer", "prepare:tales", "prepare:sums", "path_1", "path_2",
                                   "dense", "merge:c", "gate:c", "joint:c", "evaluate:path_1",
                                   "evaluate:path_2", "evaluate:dense", "evaluate:c",
                                   "evaluate:c@start", "report"));
}

TEST(ExpandTest, TheReportTellsBaselinesWithPathsFromDenseOnes) {
  const std::string more =
      "baselines: [{name: scratch, connect: share, paths: [{name: a, d: 64, heads: 2, blocks: 3}, "
      "{name: b, d: 64, heads: 2, blocks: 3}]}, ";
  std::string text = Text("");
  text.replace(text.find("baselines: ["), std::string("baselines: [").size(), more);
  const Dag dag = MustExpand(text);
  std::map<std::string, std::string> roles;
  for (const Json& model : dag.Find("report")->spec["models"]) roles[model["name"]] = model["role"];
  EXPECT_EQ(roles["scratch"], "composite_scratch");
  EXPECT_EQ(roles["dense"], "dense");
  EXPECT_EQ(roles["c"], "composite");
}

TEST(ExpandTest, ParentsComeFirstAndFollowFromInputs) {
  const Dag dag = MustExpand(Text(""));
  std::set<std::string> seen;
  for (const JobNode& job : dag.jobs) {
    for (const std::string& parent : job.parents)
      EXPECT_TRUE(seen.contains(parent)) << job.name << " before " << parent;
    for (const auto& [role, input] : job.inputs) {
      if (input.job.empty()) continue;
      EXPECT_THAT(job.parents, testing::Contains(input.job)) << job.name << " " << role;
    }
    seen.insert(job.name);
  }
  EXPECT_THAT(dag.Find("path_1")->parents, ElementsAre("prepare:tales", "tokenizer"));
  EXPECT_THAT(dag.Find("joint:c")->parents,
              ElementsAre("gate:c", "merge:c", "prepare:sums", "prepare:tales", "tokenizer"));
}

TEST(ExpandTest, SpecsAreThoseOfTheTaskProtocol) {
  const Dag dag = MustExpand(Text(""));
  const JobNode& path = *dag.Find("path_1");
  EXPECT_EQ(path.spec["model"]["dense"]["d"], 64);
  EXPECT_EQ(path.spec["model"]["vocab"], 0);  // decided when the tokenizer is there
  EXPECT_EQ(path.spec["data"]["sources"],
            Json::parse(R"([{"role": "data.tales", "share": "paths"}])"));
  EXPECT_EQ(path.spec["data"]["sequence"], 32);
  EXPECT_EQ(path.spec["train"]["batch"], 4);
  const JobNode& joint = *dag.Find("joint:c");
  EXPECT_EQ(joint.ranks, 2);
  EXPECT_EQ(joint.spec["data"]["sources"][1],
            Json::parse(R"({"role": "data.sums", "share": "joint"})"));
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
  // By hand: embedding and head 2 * 401 * 64, a block 4 * 64^2 + 3 * 64 * 256 + 2 * 64, final
  // norm 64.
  const JobNode path = *MustExpand(Text("")).Find("path_1");
  EXPECT_EQ(path.estimate.parameters,
            2 * 401 * 64 + 3 * (4 * 64 * 64 + 3 * 64 * 256 + 2 * 64) + 64);
  EXPECT_GT(path.estimate.flops, 6.0 * 3 * 65'536 * 5400);
  EXPECT_EQ(path.estimate.bytes, 12 * path.estimate.parameters);
}

// Weights, a momentum of the matrices of blocks, and two moments of everything else.
TEST(ExpandTest, ACheckpointOfMuonIsSmaller) {
  const JobNode path = *MustExpand(Replaced("train: {batch: 4,",
                                            "train: {batch: 4, optimizer: {kind: muon},", Text("")))
                            .Find("path_1");
  const int64_t hidden = 3 * (4 * 64 * 64 + 3 * 64 * 256);
  EXPECT_EQ(path.estimate.bytes, 12 * path.estimate.parameters - 4 * hidden);
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
  EXPECT_EQ(prepare.spec["corpus"]["files"], Json({"/data/tales.jsonl"}));
  for (const Source& source : dag.sources) EXPECT_NE(source.name(), "source.tales");
}

TEST(ExpandTest, APathMayComeFromAnArtifactOrAFolder) {
  const Dag artifact = MustExpand(Text(", from: 0123456789abcdef"));
  EXPECT_EQ(artifact.Find("path_1"), nullptr);
  EXPECT_EQ(artifact.Find("merge:c")->inputs.at("parent.path_1").artifact, "0123456789abcdef");
  const Dag folder = MustExpand(Text(", from: ./old/model"));
  EXPECT_EQ(folder.Find("merge:c")->inputs.at("parent.path_1").source, "from.path_1");
  EXPECT_TRUE(std::any_of(folder.sources.begin(), folder.sources.end(), [](const Source& s) {
    return s.name() == "from.path_1" && s.artifact == task::ArtifactKind::kCheckpoint;
  }));
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

TEST(ExpandTest, CompatReachesEveryJob) {
  const Dag dag = MustExpand("compat: paper\n" + Text(""));
  const JobNode& joint = *dag.Find("joint:c");
  EXPECT_EQ(joint.spec["loss_average"], "batch_mean");
  EXPECT_EQ(joint.spec["train"]["aux_load"], "plus_entropy");
  EXPECT_EQ(joint.spec["model"]["arch"]["ffn_gate"], "beta_swish");
  EXPECT_EQ(dag.Find("path_1")->spec["loss_average"], "batch_mean");
  EXPECT_FALSE(dag.Find("path_1")->spec["train"].contains("freeze_paths"));
  const Json loss = dag.Find("evaluate:dense")->spec["loss"];
  EXPECT_EQ(loss["average"], "batch_mean");
  EXPECT_EQ(loss["last_label"], "copy_input");
  EXPECT_EQ(dag.Find("report")->spec["compat"],
            Json::parse(R"({"mode": "paper", "overrides": []})"));
}

TEST(ExpandTest, JointSettingsReachMergeAndTraining) {
  const Dag dag = MustExpand(Replaced(
      "joint: {ranks: 2}", "joint: {ranks: 2, freeze_paths: 50, carry_optimizer: true}", Text("")));
  EXPECT_EQ(dag.Find("merge:c")->spec["carry_optimizer"], true);
  EXPECT_EQ(dag.Find("joint:c")->spec["train"]["freeze_paths"], 50);
  EXPECT_EQ(dag.Find("merge:c")->estimate.bytes,
            12 * dag.Find("merge:c")->estimate.parameters);  // weights and two moments
  EXPECT_EQ(MustExpand(Text("")).Find("merge:c")->spec["carry_optimizer"], false);
}

TEST(ExpandTest, OneCompositeMayTrainInItsOwnWay) {
  const Dag dag = MustExpand(
      Replaced("[{name: c}]",
               "[{name: c}, {name: e, joint: {freeze_paths: true, carry_optimizer: true, ranks: 1, "
               "across_sites: true}}]",
               Text("")));
  EXPECT_EQ(dag.Find("joint:c")->ranks, 2);
  EXPECT_EQ(dag.Find("joint:e")->ranks, 1);
  EXPECT_FALSE(dag.Find("joint:c")->across_sites);
  EXPECT_TRUE(dag.Find("joint:e")->across_sites);
  EXPECT_EQ(dag.Find("joint:e")->spec["train"]["freeze_paths"], -1);
  EXPECT_EQ(dag.Find("joint:c")->spec["train"]["freeze_paths"], 0);
  EXPECT_EQ(dag.Find("merge:e")->spec["carry_optimizer"], true);
}

// A path of the base stays, one is swapped.
TEST(ExpandTest, ABaseIsMergedAnew) {
  const char composite[] =
      "[{name: c, base: BASE, paths: [{name: old, corpus: tales, d: 32, heads: 2, blocks: 2}, "
      "path_2]}]";
  const std::string text = Replaced("[{name: c}]", composite, Text(""));
  const Dag dag = MustExpand(Replaced("BASE", "0123456789abcdef", text));
  const JobNode& merge = *dag.Find("merge:c");
  EXPECT_EQ(merge.spec["base"], true);
  EXPECT_EQ(merge.spec["parents"], Json::array({"path_2"}));  // the other one is the base's
  EXPECT_EQ(merge.inputs.at("base").artifact, "0123456789abcdef");
  EXPECT_FALSE(merge.inputs.contains("parent.old"));
  EXPECT_EQ(merge.inputs.at("parent.path_2").job, "path_2");
  EXPECT_EQ(merge.spec["model"]["large"]["d"], 96);
  EXPECT_EQ(merge.spec["model"]["paths"][0]["name"], "old");
  EXPECT_EQ(dag.Find("gate:c")->spec["base"], true);
  EXPECT_EQ(dag.Find("gate:c")->spec["parents"], Json::array({"path_2"}));
  EXPECT_FALSE(dag.Find("gate:c")->inputs.contains("base"));
  EXPECT_TRUE(dag.Find("joint:c")->inputs.contains("data.tales"));
  const Dag folder = MustExpand(Replaced("BASE", "./old/model", text));
  EXPECT_EQ(folder.Find("merge:c")->inputs.at("base").source, "base.c");
  const auto source = std::find_if(folder.sources.begin(), folder.sources.end(),
                                   [](const Source& s) { return s.name() == "base.c"; });
  ASSERT_NE(source, folder.sources.end());
  EXPECT_EQ(source->artifact, task::ArtifactKind::kCheckpoint);
  EXPECT_TRUE(source->folders);
}

TEST(ExpandTest, ABaselineMayBeACompositeFromScratch) {
  const Dag dag = MustExpand(Replaced("[{name: dense, d: 128, heads: 4, blocks: 4}]",
                                      "[{name: dense, connect: routed, paths: [{d: 64, heads: 2, "
                                      "blocks: 3}, {d: 64, heads: 2, blocks: 3}]}]",
                                      Text("")));
  const JobNode& dense = *dag.Find("dense");
  EXPECT_EQ(dense.kind, "train");
  EXPECT_EQ(dense.spec["model"]["kind"], "composite");
  EXPECT_EQ(dense.spec["model"]["paths"][1]["name"], "path_2");
  for (const Json& source : dense.spec["data"]["sources"]) EXPECT_EQ(source["share"], "all");
  EXPECT_FALSE(dense.inputs.contains("init"));
  EXPECT_EQ(dag.Find("merge:dense"), nullptr);
  EXPECT_EQ(dense.estimate.parameters, dag.Find("joint:c")->estimate.parameters +
                                           3 * (64 * 128 + 64 + 3 * 64 + 3) + 64 * 128 -
                                           2 * 64 * 128 - 128 * 128);
}

TEST(ExpandTest, EveryModelIsExported) {
  const Dag dag = MustExpand(Text("") + "export: true\n");
  for (const char* name : {"path_1", "path_2", "dense", "c"}) {
    const JobNode* job = dag.Find(std::string("export:") + name);
    ASSERT_NE(job, nullptr) << name;
    EXPECT_EQ(job->kind, "export");
    EXPECT_EQ(job->spec["name"], name);
    EXPECT_EQ(job->spec["format"], "huggingface");
    EXPECT_EQ(job->inputs.at("tokenizer").job, "tokenizer");
    EXPECT_EQ(job->spec["card"]["run"], Json::parse(R"({"name": "small"})"));
  }
  EXPECT_EQ(dag.Find("export:c")->inputs.at("model").job, "joint:c");
  EXPECT_EQ(dag.Find("export:c")->spec["card"]["parents"],
            Json::parse(R"([{"name": "path_1"}, {"name": "path_2"}])"));
  EXPECT_EQ(dag.Find("export:path_1")->spec["card"]["corpora"],
            Json::parse(R"([{"name": "tales"}])"));
  EXPECT_EQ(dag.Find("export:c@start"), nullptr);
  EXPECT_EQ(MustExpand(Text("")).Find("export:c"), nullptr);
}

TEST(ExpandTest, ATrainingMayGoOn) {
  const Dag artifact = MustExpand(Text(", continue: 0123456789abcdef"));
  EXPECT_EQ(artifact.Find("path_1")->inputs.at("continue").artifact, "0123456789abcdef");
  EXPECT_FALSE(artifact.Find("path_1")->inputs.contains("init"));
  // The task is that of one long training.
  EXPECT_EQ(artifact.Find("path_1")->spec, MustExpand(Text("")).Find("path_1")->spec);
  const Dag folder = MustExpand(Text(", continue: ./old/model"));
  EXPECT_EQ(folder.Find("path_1")->inputs.at("continue").source, "continue.path_1");
  EXPECT_TRUE(std::any_of(folder.sources.begin(), folder.sources.end(), [](const Source& s) {
    return s.name() == "continue.path_1" && s.artifact == task::ArtifactKind::kCheckpoint;
  }));
}

TEST(ExpandTest, APlanSaysWhereTheRateOfATrainingThatGoesOnJumps) {
  const auto cautions = [](const std::string& schedule) {
    std::string all;
    for (const Caution& caution :
         MustExpand(Text(", continue: ./old, train: {" + schedule + "}")).cautions) {
      if (caution.job == "path_1") all += caution.text;
    }
    return all;
  };
  EXPECT_THAT(cautions("lr_schedule: cosine"),
              HasSubstr("continue with lr_schedule cosine: the rate is that of one cosine over the "
                        "whole, longer training"));
  EXPECT_THAT(cautions("lr_schedule: wsd"),
              HasSubstr("continue with lr_schedule wsd: the rate is optimizer.lr again up to the "
                        "decay of the whole, longer training"));
  for (const char* schedule :
       {"lr_schedule: constant", "lr_schedule: continue", "lr_schedule: wsd, lr_decay_fraction: 0"})
    EXPECT_EQ(cautions(schedule), "") << schedule;
}

TEST(ExpandTest, ATrainingMayBeginWithWhatWasTrainedBefore) {
  const Dag artifact = MustExpand(Text(", start: 0123456789abcdef"));
  EXPECT_EQ(artifact.Find("path_1")->inputs.at("init").artifact, "0123456789abcdef");
  const Dag folder = MustExpand(Text(", start: ./old/model"));
  EXPECT_EQ(folder.Find("path_1")->inputs.at("init").source, "start.path_1");
  EXPECT_FALSE(folder.Find("path_1")->spec.contains("start_moments"));  // taken where there are
                                                                        // some
  EXPECT_EQ(MustExpand(Text(", start: ./old/model, start_moments: leave"))
                .Find("path_1")
                ->spec["start_moments"],
            "leave");
  EXPECT_EQ(MustExpand(Text(", start: ./old/model, start_moments: take"))
                .Find("path_1")
                ->spec["start_moments"],
            "take");
  EXPECT_THAT(ErrorOf(Text(", start_moments: take")),
              HasSubstr("start_moments: is of a start; give start too"));
  EXPECT_THAT(ErrorOf(Text(", start: ./old/model, start_moments: keep")),
              HasSubstr("start_moments"));
  EXPECT_TRUE(std::any_of(folder.sources.begin(), folder.sources.end(), [](const Source& s) {
    return s.name() == "start.path_1" && s.artifact == task::ArtifactKind::kCheckpoint;
  }));
  EXPECT_FALSE(MustExpand(Text("")).Find("path_1")->inputs.contains("init"));
}

TEST(ExpandTest, EvaluationsGetTheirData) {
  const Dag dag = MustExpand(Text("") +
                             "evaluate:\n"
                             "  - blimp: {dir: eval/blimp, pairs: 10}\n"
                             "  - glue: {dir: eval/glue, tasks: [rte], seeds: [1, 2]}\n"
                             "  - superglue: {dir: eval/superglue}\n"
                             "  - generate: {prompts: {file: texts/prompts.txt}}\n");
  const JobNode& job = *dag.Find("evaluate:c");
  EXPECT_EQ(job.inputs.at("blimp").source, "blimp");
  EXPECT_EQ(job.inputs.at("glue").source, "glue");
  EXPECT_EQ(job.inputs.at("superglue").source, "superglue");
  EXPECT_EQ(job.inputs.at("prompts").source, "prompts");
  EXPECT_EQ(job.spec["blimp"], Json::parse(R"({"pairs": 10})"));
  EXPECT_EQ(job.spec["glue"]["tasks"], Json({"rte", "boolq", "wsc", "multirc"}));
  EXPECT_EQ(job.spec["glue"]["seeds"], Json({1, 2}));
  EXPECT_EQ(job.spec["glue"]["lr"], 3e-4);
  EXPECT_EQ(job.spec["generate"]["file"], "prompts.txt");
  EXPECT_FALSE(job.inputs.contains("data.tales"));  // nothing here reads held-out text
  EXPECT_EQ(job.slots, 1);
  EXPECT_FALSE(dag.Find("evaluate:c@start")->spec.contains("glue"));  // long, and of little use
                                                                      // before the joint training
  const Dag other = MustExpand(
      Text("") +
      "evaluate: [{resources: {slots: 1, device: cuda}}, {glue: {dir: g, start: true}}]\n");
  EXPECT_TRUE(other.Find("evaluate:c@start")->spec.contains("glue"));
  EXPECT_EQ(other.Find("evaluate:c")->slots, 1);
  EXPECT_EQ(other.Find("evaluate:c")->device, Device::kCuda);
  EXPECT_FALSE(job.spec.contains("loss"));
  std::map<std::string, Source> sources;
  for (const Source& source : dag.sources) sources[source.name()] = source;
  EXPECT_THAT(sources.at("blimp").files, ElementsAre("eval/blimp"));
  EXPECT_TRUE(sources.at("blimp").folders);
  EXPECT_EQ(sources.at("blimp").artifact, task::ArtifactKind::kSource);
  EXPECT_EQ(sources.at("blimp").line, 16);
  EXPECT_THAT(sources.at("glue").files, ElementsAre("eval/glue"));
  EXPECT_THAT(sources.at("superglue").files, ElementsAre("eval/superglue"));  // both have an RTE
  EXPECT_THAT(sources.at("prompts").files, ElementsAre("texts/prompts.txt"));
  EXPECT_FALSE(sources.at("prompts").folders);
}

}  // namespace
}  // namespace braid::recipe
