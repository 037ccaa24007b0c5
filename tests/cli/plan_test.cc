// The plan: jobs, sizes and settings, for people and as proto3 JSON.
#include "cli/commands/plan.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "cli/shared/print.h"
#include "tests/base/mutations.h"
#include "tests/submit/recipe_folder.h"

namespace braid::cli {
namespace {

using testing::HasSubstr;

using submit::Load;
using submit::LoadRecipe;

class PlanTest : public submit::RecipeFolder {};

// The plan of what could be loaded.
v1::Plan PlanOf(const submit::RecipeFile& file) {
  return cli::PlanOf(file, LoadRecipe(file.path, {}).value().findings);
}

// As `braid -o json plan` prints it: 64-bit numbers are texts.
Json JsonOf(const submit::RecipeFile& file) {
  testing::internal::CaptureStdout();
  PrintJson(Globals(), PlanOf(file));
  return Json::parse(testing::internal::GetCapturedStdout());
}

TEST_F(PlanTest, ThePlanShowsJobsAndDefaults) {
  const auto file = Load(Recipe("  c: {files: [a/*.jsonl]}\n"), {});
  ASSERT_TRUE(file.ok());
  const std::string plan = PlanText(PlanOf(*file));
  EXPECT_THAT(plan, HasSubstr("prepare:c"));
  EXPECT_THAT(plan, HasSubstr("train.batch = 32  (default)"));
  const Json json = JsonOf(*file);
  EXPECT_EQ(json["run"], "small");
  EXPECT_EQ(json["jobs"].size(), file->dag.jobs.size());
}

TEST_F(PlanTest, ThePlanShowsExactCountsAndBothAccountings) {
  const std::string recipe = Recipe("  c: {files: [a/*.jsonl], sample: 0.5}\n",
                                    "arch: {ffn_gate: beta_swish}\nsequence: 16\n"
                                    "paths: [{name: p, corpus: c, d: 64, heads: 2, blocks: 3, "
                                    "block: wide, dual: {ffn_wide: 100}}]\n");
  const auto file = Load(recipe, {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  // By hand: embedding and head 2 * 301 * 64; a block 4 * 64^2 + 3 * 64 * 100 + 100 (beta) + 2 * 64
  // + 1 (scale); norm 64.
  constexpr int64_t kBody = 3 * (4 * 64 * 64 + 3 * 64 * 100 + 100 + 2 * 64 + 1) + 64;
  constexpr double kA = 2.0 * (4 * 64 * 64 + 3 * 64 * 100), kScores = 2.0 * 16 * 64;
  const Json model = JsonOf(*file)["models"][0];
  EXPECT_EQ(model["name"], "p");
  EXPECT_EQ(model["parameters"], std::to_string(2 * 301 * 64 + kBody));
  EXPECT_EQ(model["bodyParameters"], std::to_string(kBody));
  EXPECT_EQ(model["flopsPerBlock"], (Json{{"projections", kA}, {"causal", kA + kScores}}));
  EXPECT_EQ(model["flopsPerToken"]["projections"], 3 * kA + 2 * 301 * 64);
  EXPECT_EQ(file->dag.Find("prepare:c")->estimate.tokens, 4000 / 4 / 2);  // sampled
  const std::string plan = PlanText(PlanOf(*file));
  EXPECT_THAT(plan, HasSubstr("146,031         107,503"));
  EXPECT_THAT(plan, HasSubstr("0.071      0.073"));
  EXPECT_THAT(plan, HasSubstr("compat fixed, with arch.ffn_gate = beta_swish"));
  EXPECT_EQ(JsonOf(*file)["compat"],
            (Json{{"mode", "fixed"}, {"overrides", {"arch.ffn_gate = beta_swish"}}}));
  const auto alone = Load(recipe, {"m"});
  ASSERT_TRUE(alone.ok());
  EXPECT_THAT(PlanText(PlanOf(*alone)), testing::Not(HasSubstr("146,031")));
}

// A published recipe is looked at before its data is fetched; a run of it is not made.
TEST_F(PlanTest, APlanDoesWithoutWhatIsNotHere) {
  const std::string recipe = At("recipe.yaml");
  Write("recipe.yaml",
        "run: small\ntokenizer: {file: far/tokenizer.json, vocab: 300}\ncorpora:\n  c: {files: "
        "[a/*.jsonl]}\n  e: {files: [far/*.jsonl]}\n"
        "sequence: 16\npaths:\n  - {name: p, corpus: c, d: 8, heads: 2, blocks: 1}\n  - {name: q, "
        "corpus: e, d: 8, heads: 2, blocks: 1, from: ./old}\n"
        "train: {batch: 2, accumulate: 1, epochs: 1}\nevaluate: [{blimp: {dir: far/blimp}}]\n");
  const auto loaded = LoadRecipe(recipe, {}).value();
  ASSERT_TRUE(loaded.planned);
  const submit::RecipeFile* file = &loaded.file;
  std::vector<std::string> missing;
  for (const submit::Finding& finding : loaded.findings) {
    EXPECT_TRUE(finding.missing);
    missing.push_back(submit::TextOf(finding));
  }
  EXPECT_THAT(missing,
              testing::ElementsAre(
                  recipe + ":2: there is no file " + At("far/tokenizer.json"),
                  recipe + ":5: no file matches " + At("far/*.jsonl"),
                  recipe + ":9: from: " + At("./old") +
                      " is neither an artifact id nor a checkpoint folder (it has no config.json)",
                  recipe + ":11: blimp: there is no folder " + At("far/blimp")));
  const Json json = JsonOf(*file);
  EXPECT_EQ(json["missing"].size(), 4u);
  EXPECT_EQ(json["models"][0]["name"], "p");
  EXPECT_EQ(json["models"][0]["parameters"],
            std::to_string(2 * 301 * 8 + 4 * 64 + 3 * 8 * 32 + 2 * 8 + 8));
  EXPECT_GT(json["models"][0]["flopsPerToken"]["projections"], 2 * 301 * 8);
  EXPECT_EQ(json["models"][0]["steps"], "18");  // of the corpus that is here: 4000 / 4 * 0.99 * 0.6
                                                // / 32
  EXPECT_THAT(PlanText(PlanOf(*file)),
              HasSubstr("submit needs it:\n  " + recipe + ":2: there is no file"));
  EXPECT_EQ(Load(recipe).status().message(), Join(missing, "\n"));  // all at once
  // What is there and wrong is an error all the same.
  Write("far/tokenizer.json", R"({"model": null})");
  const submit::Finding wrong = LoadRecipe(recipe, {}).value().findings.front();
  EXPECT_FALSE(wrong.missing);
  EXPECT_EQ(submit::TextOf(wrong), recipe + ":2: tokenizer.file: " + At("far/tokenizer.json") +
                                       ": model is missing; this is no tokenizer.json");
}

TEST_F(PlanTest, WarningsAreShown) {
  const auto file = Load(
      Recipe("  c: {files: [a/*.jsonl]}\n",
             "sequence: 16\ntrain: {batch: 2, accumulate: 1, epochs: 1, warmup_steps: 100000}\n"),
      {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  const std::string line = "m: warmup_steps 100000: the whole training has about 30 steps";
  EXPECT_THAT(PlanText(PlanOf(*file)), HasSubstr("warnings:\n  " + line));
  EXPECT_THAT(JsonOf(*file)["warnings"][0].get<std::string>(), HasSubstr(line));
}

TEST_F(PlanTest, ThePlanShowsHowLongItMayTake) {
  const auto file = Load(Recipe("  c: {files: [a/*.jsonl]}\n",
                                "max_duration: {run: 86400, train: 5400, report: 60}\n"),
                         {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(
      PlanText(PlanOf(*file)),
      HasSubstr("may take (max_duration): the run 1 d 00 h from its submission, each job of "
                "kind report 1 min 00 s, each job of kind train 1 h 30 min; what takes longer "
                "is stopped with a checkpoint, and fails\n"));
  EXPECT_THAT(PlanText(PlanOf(*file)), HasSubstr("max_duration.train = 5400"));
  EXPECT_EQ(JsonOf(*file)["maxDurationS"], "86400");
}

TEST_F(PlanTest, ThePlanShowsHowMuchMemoryIsNeeded) {
  const auto file = Load(Recipe("  c: {files: [a/*.jsonl]}\n", "memory: {train: 24GiB}\n"), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(PlanText(PlanOf(*file)),
              HasSubstr("\nmemory for each rank of a job (memory): of kind train 24.0 GiB\n"));
  EXPECT_THAT(PlanText(PlanOf(*file)), HasSubstr("memory.train = \"24GiB\""));
}

TEST_F(PlanTest, ThePlanShowsWhatRanksExchange) {
  const auto plan_of = [&](const std::string& joint) {
    const auto file = Load(
        Recipe("  c: {files: [a/*.jsonl]}\n  e: {files: [b/one.jsonl]}\n",
               "sequence: 16\npaths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1}, {name: q, "
               "corpus: e, d: 8, heads: 2, blocks: 1}]\ncomposites: [{name: k, joint: {" +
                   joint + "}}]\n"),
        {});
    EXPECT_TRUE(file.ok()) << file.status().message();
    return PlanOf(*file);
  };
  EXPECT_THAT(PlanText(plan_of("ranks: 1")), testing::Not(HasSubstr("RANKS EXCHANGE")));
  const v1::Plan plan = plan_of("ranks: 2, sync: {every: 20}");
  const auto job = std::find_if(plan.jobs().begin(), plan.jobs().end(),
                                [](const auto& one) { return one.has_exchange(); });
  ASSERT_NE(job, plan.jobs().end());
  EXPECT_EQ(job->name(), "joint:k");
  EXPECT_EQ(job->exchange().every(), 20);
  EXPECT_EQ(job->exchange().bytes(), 4 * job->parameters());
  EXPECT_EQ(job->exchange().checkpoint_bytes(), 8 * job->parameters());
  const auto bytes = [&](int64_t of_each, int64_t steps) {
    return FormatBytes(static_cast<uint64_t>(of_each * job->parameters() / steps));
  };
  EXPECT_THAT(PlanText(plan),
              testing::ContainsRegex("\njoint:k +2 +20 +" + bytes(4, 1) + " +0\\.0 s +" +
                                     bytes(4, 20) + " +" + bytes(8, 1) + "\n"));
  // Gradients in every step, and nothing of its own on any rank.
  EXPECT_THAT(PlanText(plan_of("ranks: 2")),
              testing::ContainsRegex("\njoint:k +2 +1 +" + bytes(4, 1) + " +0\\.0 s +" +
                                     bytes(4, 1) + " +-\n"));
}

// Spoiled in every way it is an error, or a tokenizer.
TEST_F(PlanTest, ATokenizerThatIsNoneIsASentence) {
  Write("recipe.yaml",
        "run: small\ntokenizer: {file: t.json}\ncorpora:\n  c: {files: [a/*.jsonl]}\nbaselines: "
        "[{name: m, d: 8, heads: 2, blocks: 1}]\n");
  const Json tokenizer = Json::parse(
      R"({"added_tokens": [{"id": 2, "content": "<|endoftext|>", "special": true}], "normalizer": null,
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})");
  Write("t.json", tokenizer.dump());
  const auto fine = Load(At("recipe.yaml"));
  ASSERT_TRUE(fine.ok()) << fine.status().message();
  EXPECT_EQ(fine->dag.models[0].parameters - fine->dag.models[0].body_parameters, 2 * 4 * 8);
  ForEachMutation(tokenizer, [&](const Json& mutated, const std::string& what) {
    Write("t.json", mutated.dump());
    EXPECT_NO_THROW({
      const auto file = Load(At("recipe.yaml"));
      EXPECT_THAT(file.ok() ? "recipe.yaml:2: tokenizer" : file.status().message(),
                  HasSubstr("recipe.yaml:2: tokenizer"))
          << what;
    }) << what;
  });
  Write("recipe.yaml",
        "run: small\ntokenizer: {file: t.json, vocab: 7}\ncorpora:\n  c: {files: "
        "[a/*.jsonl]}\nbaselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
  Write("t.json", tokenizer.dump());
  EXPECT_EQ(Load(At("recipe.yaml")).status().message(),
            At("recipe.yaml") + ":2: tokenizer.vocab: the recipe says 7, but " + At("t.json") +
                " has 3 entries");
}

// The variants of a sweep: their values, the jobs that each has alone, what all share, and the
// cost.
TEST_F(PlanTest, ThePlanShowsVariantsAndWhatTheyShare) {
  const auto file = Load(Recipe("  c: {files: [a/*.jsonl]}\n",
                                "seeds: [1, 2]\n"
                                "sweep: {over: {baselines.m.train.optimizer.lr: [1e-3, 2e-3]}}\n"),
                         {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  const std::string plan = PlanText(PlanOf(*file));
  EXPECT_THAT(plan, HasSubstr("baselines.m.train.optimizer.lr = 1e-3, seeds = 2"));
  EXPECT_THAT(plan, HasSubstr("4 variants have "));
  EXPECT_THAT(plan, HasSubstr("shared by all variants: tokenizer, prepare:c\n"));
  const Json json = JsonOf(*file);
  ASSERT_EQ(json["variants"].size(), 4u);
  EXPECT_EQ(json["variants"][0]["name"], "lr_1e-3-seed_1");
  EXPECT_EQ(json["variants"][0]["values"][0],
            (Json{{"axis", "baselines.m.train.optimizer.lr"}, {"value", "1e-3"}}));
  for (const Json& job : json["jobs"]) {
    if (job["name"] == "tokenizer") {
      EXPECT_EQ(job["variants"], 4);
    } else if (job["name"] == "m-lr_2e-3-seed_2") {
      EXPECT_EQ(job["variants"], 1);
    }
  }
}

}  // namespace
}  // namespace braid::cli
