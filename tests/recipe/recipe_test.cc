// What a recipe may say, what it may not, and that every error names its place.
#include "recipe/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "recipe/graph/text_size.h"
#include "recipe/parse/parse_recipe.h"
#include "recipe/show/settings.h"
#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(RecipeTest, ReadsWhatIsThere) {
  const auto recipe = ParseRecipe(kSmall, "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  EXPECT_EQ(recipe->run, "small");
  EXPECT_EQ(recipe->tokenizer_vocab, 400);
  ASSERT_EQ(recipe->corpora.size(), 2u);
  EXPECT_EQ(recipe->corpora[0].text, "text");
  EXPECT_THAT(recipe->corpora[1].files, ElementsAre("sums/*.jsonl"));
  EXPECT_EQ(recipe->corpora[1].sample, 0.5);
  EXPECT_EQ(recipe->corpora[1].tokens, 1000);
  EXPECT_EQ(recipe->paths[1].spec.dense.ffn, 256);
  ASSERT_EQ(recipe->composites[0].members.size(), 2u);
  EXPECT_EQ(recipe->composites[0].members[1].path, "path_2");
  EXPECT_EQ(recipe->composites[0].members[1].corpus, "sums");
  EXPECT_EQ(recipe->composites[0].spec.large.heads, 4);
  EXPECT_EQ(recipe->composites[0].spec.large.ffn, 512);
  EXPECT_TRUE(recipe->composites[0].spec.large.identity)
      << "it starts from paths, under compat: fixed";
  EXPECT_THAT(recipe->baselines[0].corpora, ElementsAre("tales", "sums"));
  EXPECT_EQ(recipe->paths[0].train.batch, 4);
  EXPECT_EQ(recipe->joint.optimizer.lr, 1e-3);
  EXPECT_EQ(recipe->text, kSmall);
}

TEST(RecipeTest, DefaultsAreThePapers) {
  const auto recipe = ParseRecipe(Replaced("train: {batch: 4, optimizer: {lr: 1e-3}}\n", ""),
                                  "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  EXPECT_EQ(recipe->seed, 42u);
  EXPECT_EQ(recipe->sequence, 256);
  EXPECT_EQ(recipe->split.paths, 0.6);
  const spec::Train& train = recipe->paths[0].train;
  EXPECT_EQ(train.batch * train.accumulate * recipe->sequence,
            65'536);  // tokens a step
  EXPECT_EQ(train.epochs, 2);
  EXPECT_EQ(schema::ToJson(train.optimizer),
            Json::parse(R"({"lr": 5e-4, "betas": [0.9, 0.95], "eps": 1e-5, "weight_decay": 0.1})"));
  EXPECT_EQ(train.clip, 1.0);
  EXPECT_EQ(train.decay_scope, spec::DecayScope::kMatrices);
}

TEST(RecipeTest, SaysWhichSettingsWereFilledIn) {
  const auto recipe = ParseRecipe(kSmall, "r.yaml");
  ASSERT_TRUE(recipe.ok());
  const std::vector<std::string> lines = SettingsInForce(*recipe);
  EXPECT_THAT(lines, Contains("train.batch = 4"));
  EXPECT_THAT(lines, Contains("train.accumulate = 8  (default)"));
  EXPECT_THAT(lines, Contains("train.optimizer.lr = 0.001"));
  EXPECT_THAT(lines, Contains("seed = 42  (default)"));
  EXPECT_THAT(lines, Contains("paths.0.slots = 1  (default)"));
  EXPECT_THAT(lines, Contains("tokenizer.train.bytes = 10000000  (default)"));
  EXPECT_THAT(lines, Contains("joint.batch = 4"));  // inherited, neither written nor a default
}

TEST(RecipeTest, OneModelMayTrainInItsOwnWay) {
  const auto recipe = ParseRecipe(
      Replaced("heads: 4, blocks: 4}",
               "heads: 4, blocks: 4, train: {optimizer: {lr: 2e-3}, steps: 7}}"),
      "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  EXPECT_EQ(recipe->baselines[0].train.optimizer.lr, 2e-3);
  EXPECT_EQ(recipe->baselines[0].train.steps, 7);
  EXPECT_EQ(recipe->baselines[0].train.batch, 4);
  EXPECT_EQ(recipe->paths[0].train.steps, 0);
}

TEST(RecipeTest, AnchorsAreFine) {
  const auto recipe = ParseRecipe(
      Replaced("train: {batch: 4, optimizer: {lr: 1e-3}}\n",
               "train: {optimizer: &opt {lr: 1e-3}}\njoint: {optimizer: *opt}\n"),
      "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  EXPECT_EQ(recipe->joint.optimizer.lr, 1e-3);
}

TEST(RecipeTest, UnknownKeysNameTheNearest) {
  EXPECT_EQ(ErrorOf(Replaced("batch: 4", "bacth: 4")),
            "r.yaml:13:9: train.bacth: no such key; did you mean batch?");
  EXPECT_EQ(ErrorOf(Replaced("d: 64, heads: 2, blocks: 3}",
                             "d: 64, heads: 2, blocks: 3, hidden_activation: x}"))
                .substr(0, 53),
            "r.yaml:7:63: paths.0.hidden_activation: no such key; ");
  EXPECT_THAT(ErrorOf(Replaced("corpora:", "corpara:")),
              HasSubstr("r.yaml:3:1: corpara: no such key; did you mean corpora?"));
}

TEST(RecipeTest, WrongTypesSayWhatWasFound) {
  EXPECT_EQ(ErrorOf(Replaced("batch: 4", "batch: many")),
            "r.yaml:13:16: train.batch: expected a whole number, found \"many\"");
  EXPECT_EQ(ErrorOf(Replaced("lr: 1e-3", "lr: [1]")),
            "r.yaml:13:35: train.optimizer.lr: expected a number, found a list");
  EXPECT_EQ(ErrorOf(Replaced("{name: c}", "[c]")),
            "r.yaml:10:5: composites.0: expected a mapping, found a list");
  EXPECT_THAT(ErrorOf("- a\n- b\n"), HasSubstr("expected a mapping"));
}

TEST(RecipeTest, ImpossibleValuesNameTheField) {
  EXPECT_EQ(ErrorOf(Replaced("heads: 4, blocks: 4", "heads: 3, blocks: 4")),
            "r.yaml:12:34: baselines.0.heads: 3 heads do not divide width 128");
  EXPECT_EQ(ErrorOf(Replaced("sample: 0.5", "sample: 1.5")),
            "r.yaml:5:66: corpora.sums.sample: must be above 0 and at most 1, is 1.5");
  EXPECT_EQ(ErrorOf(Replaced("corpus: sums", "corpus: sum")),
            "r.yaml:8:28: paths.1.corpus: there is no corpus \"sum\"; corpora has tales, sums");
  EXPECT_THAT(ErrorOf(Replaced("vocab: 400", "vocab: 100")),
              HasSubstr("tokenizer.train.vocab: must be in 258 .. 1000000, is 100"));
  EXPECT_THAT(ErrorOf(Replaced("name: path_2", "name: path_1")), HasSubstr("\"path_1\""));
  EXPECT_THAT(ErrorOf(Replaced("lr: 1e-3", "lr: 1e-3, betas: [0.9, 1.5]")),
              HasSubstr("train.optimizer.betas: expected two numbers"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "joint: {ranks: 3}\n"),
              HasSubstr("joint.ranks: 3 ranks do not divide a batch of 4 sequences"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "split: {paths: 0.6, joint: 0.5}\n"),
              HasSubstr("split.joint: paths 0.6 and joint 0.5 do not add up to 1"));
  EXPECT_THAT(
      ErrorOf(std::string(kSmall) + "split: {paths: 1, joint: 0}\n"),
      HasSubstr(
          "split: paths takes every chunk, and leaves the joint training of composites.c nothing"));
  EXPECT_THAT(
      ErrorOf(Replaced("corpus: sums", "corpus: sums, from: ./a, start: ./b")),
      HasSubstr("paths.1.start: from is trained already and begins nothing; give one of the two"));
  EXPECT_THAT(ErrorOf(Replaced("corpus: sums", "corpus: sums, from: ./a, continue: ./b")),
              HasSubstr("paths.1.continue: from is trained already and is not trained on; give one "
                        "of the two"));
  EXPECT_THAT(ErrorOf(Replaced("corpus: sums", "corpus: sums, start: ./a, continue: ./b")),
              HasSubstr("paths.1.continue: goes on with the training of a checkpoint, and start "
                        "begins a new one; give one of the two"));
  EXPECT_THAT(ErrorOf(Replaced("corpus: sums",
                               "corpus: sums, continue: ./b, "
                               "train: {lr_schedule: continue, warmup_steps: 3}")),
              HasSubstr("paths.1.train: lr_schedule continue keeps the rate of the training that "
                        "goes on, which needs no warm-up; set warmup_steps: 0"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, warmup_start: 1e-5")),
              HasSubstr("train.warmup_start: is of a warm-up; give warmup_steps too"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, warmup_steps: 5, warmup_start: 1")),
              HasSubstr("train.warmup_start: is above optimizer.lr"));
  EXPECT_THAT(ErrorOf(Replaced("lr: 1e-3", "lr: 1e-3, eps: 0")),
              HasSubstr("train.optimizer.eps: must be above 0"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "arch: {rope_max_pos: 16}\n"),
              HasSubstr("sequence: 256 is above arch.rope_max_pos 16"));
}

// A field that only one optimizer or schedule has is for that one; tasks of the usual ones do not
// name it.
TEST(RecipeTest, OptimizersAndSchedulesHaveFieldsOfTheirOwn) {
  const std::string muon = Replaced(
      "batch: 4, optimizer: {lr: 1e-3",
      "batch: 4, lr_schedule: wsd, lr_decay_shape: sqrt, optimizer: {kind: muon, lr: 1e-3");
  const auto recipe = ParseRecipe(muon + "joint: {optimizer: {kind: adamw}, lr_schedule: cosine}\n",
                                  "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  const Json train = schema::ToJson(recipe->paths[0].train),
             joint = schema::ToJson<spec::TaskTrain>(recipe->joint);
  EXPECT_EQ(train["optimizer"]["kind"], "muon");
  EXPECT_EQ(train["optimizer"]["momentum"], 0.95);
  EXPECT_EQ(train["lr_decay_fraction"], 0.2);
  EXPECT_EQ(train["lr_decay_shape"], "sqrt");
  for (const char* field : {"kind", "momentum"})
    EXPECT_FALSE(joint["optimizer"].contains(field)) << field;
  for (const char* field : {"lr_decay_fraction", "lr_decay_shape"})
    EXPECT_FALSE(joint.contains(field)) << field;

  EXPECT_THAT(ErrorOf(Replaced("lr: 1e-3", "lr: 1e-3, kind: sgd")),
              HasSubstr("train.optimizer.kind"));
  EXPECT_THAT(ErrorOf(Replaced("lr: 1e-3", "lr: 1e-3, momentum: 0.9")),
              HasSubstr("train.optimizer.momentum: is of kind muon; here it is adamw"));
  EXPECT_THAT(ErrorOf(Replaced("lr: 1e-3", "lr: 1e-3, kind: muon, momentum: 1")),
              HasSubstr("train.optimizer.momentum: must be at least 0 and below 1"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, lr_decay_fraction: 0.1")),
              HasSubstr("train.lr_decay_fraction: is of lr_schedule wsd or continue; here it is "
                        "cosine"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, lr_schedule: wsd, lr_decay_fraction: -1")),
              HasSubstr("train.lr_decay_fraction: must be at least 0 and at most 1"));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, lr_schedule: wsd, lr_decay_shape: cubic")),
              HasSubstr("train.lr_decay_shape"));
}

TEST(RecipeTest, NamesOfJobsThatEveryRunHasAreTaken) {
  for (const std::string name : {"tokenizer", "report"}) {
    EXPECT_EQ(ErrorOf(Replaced("name: path_2", "name: " + name)),
              "r.yaml:8:5: paths.1.name: \"" + name +
                  "\" is the name of a job that every run has; take another");
    EXPECT_THAT(ErrorOf(Replaced("name: dense", "name: " + name)),
                HasSubstr("r.yaml:12:5: baselines.0.name: \"" + name + "\""));
    EXPECT_EQ(ErrorOf(Replaced("{name: c}", "{name: " + name + "}")), "no error")
        << "its jobs are called merge:, gate:, joint:";
  }
  for (const std::string name : {".", ".."}) {
    EXPECT_THAT(ErrorOf(Replaced("name: path_2", "name: " + name)),
                HasSubstr("\"" + name + "\" is not a name"));
    EXPECT_THAT(ErrorOf(Replaced("sums:  {files", name + ":  {files")),
                HasSubstr("cannot be the name of a corpus"));
    EXPECT_THAT(ErrorOf(Replaced("run: small", "run: " + name)), HasSubstr("is not a name"));
  }
}

TEST(RecipeTest, ARunAndItsJobsMayHaveATimeLimit) {
  const std::string limited = std::string(kSmall) + "max_duration: {run: 86400, train: 3600}\n";
  const Dag dag = MustExpand(limited);
  EXPECT_EQ(dag.max_duration_s, 86'400);
  for (const JobNode& job : dag.jobs)
    EXPECT_EQ(job.max_duration_s, job.kind == "train" ? 3'600 : 0) << job.name;
  EXPECT_EQ(Only(dag, {"tokenizer"})->max_duration_s, 86'400);
  EXPECT_EQ(MustExpand(kSmall).max_duration_s, 0);
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "max_duration: {training: 3600}\n"),
              HasSubstr("max_duration.training"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "max_duration: {train: -1}\n"),
              HasSubstr("max_duration.train: must not be negative, is -1"));
}

TEST(RecipeTest, JobsMayNeedMemory) {
  const Recipe recipe = MustParse(std::string(kSmall) +
                                  "memory: {train: 24GB, joint: 64GiB, merge: 5000}\n");
  EXPECT_EQ(recipe.memory.train, 24'000'000'000);
  const Dag dag = Expand(recipe).value();
  EXPECT_EQ(dag.Find("path_1")->memory_bytes, 24'000'000'000);
  EXPECT_EQ(dag.Find("dense")->memory_bytes, 24'000'000'000);
  EXPECT_EQ(dag.Find("joint:c")->memory_bytes, int64_t{64} << 30);
  EXPECT_EQ(dag.Find("merge:c")->memory_bytes, 5000);
  EXPECT_EQ(dag.Find("gate:c")->memory_bytes, 0);
  EXPECT_EQ(dag.Find("tokenizer")->memory_bytes, 0);
  const auto shown = SettingsInForce(recipe);
  EXPECT_THAT(shown, Contains("memory.joint = \"64GiB\""));
  EXPECT_THAT(shown, Contains("memory.train = \"24GB\""));
  EXPECT_EQ(ErrorOf(std::string(kSmall) + "memory: {train: 24 gigs}\n"),
            "r.yaml:14:17: memory.train: expected a size such as 24GB or 64GiB, found "
            "\"24 gigs\"");
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "memory: {train: -1}\n"),
              HasSubstr("memory.train: expected a size such as 24GB"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "memory: {run: 1GB}\n"), HasSubstr("memory.run"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {memory.train: [1GB, 2GB]}}\n")),
              HasSubstr("memory.train"));
}

TEST(RecipeTest, ARunMayHaveAPriority) {
  EXPECT_EQ(ParseRecipe(kSmall, "r.yaml")->priority, 0);
  EXPECT_EQ(ParseRecipe(std::string(kSmall) + "priority: -7\n", "r.yaml")->priority, -7);
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "priority: 1001\n"),
              HasSubstr("r.yaml:14:11: priority: must be in -1000 .. 1000, is 1001"));
  EXPECT_EQ(ParseRecipe(std::string(kSmall) + "tags: [b, a]\n", "r.yaml")->tags,
            (std::vector<std::string>{"b", "a"}));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "tags: [b, \"a,b\"]\n"),
              HasSubstr("r.yaml:14:7: tags: tag \"a,b\" has a comma"));
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "priority: high\n"),
              HasSubstr("priority: expected a whole number"));
  EXPECT_TRUE(ParseRecipe(kSmall, "r.yaml")->preempt);
  EXPECT_FALSE(ParseRecipe(std::string(kSmall) + "preempt: false\n", "r.yaml")->preempt);
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "preempt: lower\n"),
              HasSubstr("r.yaml:14:10: preempt: expected true or false"));
}

// No two jobs of what a recipe expands to may have one name: the names of models, corpora and
// composites are drawn from few that collide as often as they can.
TEST(RecipeTest, JobsOfOneRunHaveDifferentNames) {
  for (const std::string& text :
       {Replaced("name: path_2", "name: dense_", Replaced("tales:", "dense:")),
        Replaced("{name: c}", "{name: report}"), Replaced("{name: c}", "{name: tales}"),
        Replaced("name: path_1", "name: tales")}) {
    const auto recipe = ParseRecipe(text, "r.yaml");
    if (!recipe.ok()) continue;
    std::set<std::string> names;
    for (const JobNode& job : MustExpand(text).jobs)
      EXPECT_TRUE(names.insert(job.name).second) << job.name;
  }
}

TEST(RecipeTest, KeysThatAppearTwiceAreErrors) {
  EXPECT_EQ(ErrorOf(Replaced("batch: 4", "batch: 4, batch: 8")),
            "r.yaml:13:19: train.batch: appears twice");
  EXPECT_THAT(ErrorOf(std::string(kSmall) + "run: again\n"),
              HasSubstr("r.yaml:14:1: run: appears twice"));
}

TEST(RecipeTest, ListsAllErrorsInOrderOfPlace) {
  std::string text = Replaced("batch: 4", "bacth: 4");
  text.replace(text.find("heads: 2"), 8, "heads: x");
  EXPECT_EQ(ErrorOf(text),
            "r.yaml:7:49: paths.0.heads: expected a whole number, found \"x\"\n"
            "r.yaml:13:9: train.bacth: no such key; did you mean batch?");
}

TEST(RecipeTest, BrokenYamlNamesThePlace) {
  EXPECT_THAT(ErrorOf("run: [a\ncorpora: }\n"), StartsWith("r.yaml:2:"));
}

// What the design knows and this version does not.
class LaterTest : public testing::TestWithParam<std::tuple<const char*, const char*, const char*>> {
};

TEST_P(LaterTest, IsAnErrorThatNamesTheField) {
  const auto& [from, to, field] = GetParam();
  const std::string error = ErrorOf(*from == '\0' ? std::string(kSmall) + to : Replaced(from, to));
  EXPECT_THAT(error, HasSubstr(std::string(field) + ": "));
  EXPECT_THAT(error, HasSubstr("not in this version of braid"));
  EXPECT_THAT(error, testing::MatchesRegex("r\\.yaml:[0-9]+:[0-9]+: .*"));
}

INSTANTIATE_TEST_SUITE_P(Fields, LaterTest,
                         testing::Values(std::tuple{"blocks: 3}", "blocks: 3, attn: linear}",
                                                    "paths.0.attn"}));

// A1-A5 of one model alone: published and standard blocks side by side.
TEST(RecipeTest, OneModelMayComputeInItsOwnWay) {
  const Recipe recipe = MustParse(
      Replaced("d: 128, heads: 4, blocks: 4}",
               "d: 128, heads: 4, blocks: 4, arch: {ffn_gate: beta_swish, attn_out_proj: false}}"));
  EXPECT_EQ(recipe.baselines[0].spec.arch.ffn_gate, Word("beta_swish"));
  EXPECT_FALSE(recipe.baselines[0].spec.arch.attn_out_proj);
  EXPECT_EQ(recipe.paths[0].spec.arch, model::Arch());
  EXPECT_THAT(ErrorOf(Replaced("d: 128, heads: 4, blocks: 4}",
                               "d: 128, heads: 4, blocks: 4, arch: {router_noise: always}}")),
              HasSubstr("baselines.0.arch.router_noise: this model has no router"));
  EXPECT_THAT(ErrorOf(Replaced("d: 128, heads: 4, blocks: 4}",
                               "d: 128, heads: 4, blocks: 4, arch: {rope_max_pos: 100}}")),
              HasSubstr("baselines.0.arch.rope_max_pos: 100 is below the sequence of 256 tokens"));
  // The paths of a composite agree, and the composite computes as they do; A4 is its own.
  std::string text = Replaced(
      "corpus: tales, d: 64, heads: 2, blocks: 3}",
      "corpus: tales, d: 64, heads: 2, blocks: 3, arch: {rope_layout: interleaved}}");
  EXPECT_THAT(ErrorOf(text),
              HasSubstr("composites.0.paths: path_1 and path_2 differ in arch.rope_layout"));
  text = Replaced("corpus: sums, d: 64, heads: 2, blocks: 3}",
                  "corpus: sums, d: 64, heads: 2, blocks: 3, arch: {rope_layout: interleaved}}",
                  text);
  EXPECT_EQ(MustParse(text).composites[0].spec.arch.rope_layout, Word("interleaved"));
  text = Replaced("{name: c}", "{name: c, connect: routed, arch: {router_noise: always}}", text);
  EXPECT_EQ(MustParse(text).composites[0].spec.arch.router_noise, Word("always"));
  EXPECT_THAT(ErrorOf(Replaced("router_noise: always", "ffn_gate: silu", text)),
              HasSubstr("composites.0.arch.ffn_gate: is its paths'; set it there"));
}

TEST(RecipeTest, ACorpusMayBeOfTokensAlready) {
  const std::string adopted = Replaced("tokenizer: {train: {vocab: 400}}",
                                       "tokenizer: {file: t.json}");
  const Recipe recipe = MustParse(Replaced("text: text", "input_ids: input_ids", adopted));
  EXPECT_THAT(ErrorOf(Replaced("text: text", "input_ids: input_ids")),
              HasSubstr("tokenizer: corpora.tales is ids of a tokenizer that exists; give "
                        "tokenizer.file, the one that made them"));
  EXPECT_EQ(recipe.corpora[0].input_ids, "input_ids");
  EXPECT_FALSE(schema::ToJson(recipe.corpora[0].Task()).contains("text"));
  EXPECT_EQ(ErrorOf(Replaced("text: text", "text: text, input_ids: ids", adopted)),
            "r.yaml:4:39: corpora.tales.text: rows of input_ids are tokens already");
}

// Their size says how many tokens they have, better than that of text does.
TEST(RecipeTest, ACorpusMayBeOfFilesOfTokens) {
  const std::string adopted = Replaced("tokenizer: {train: {vocab: 400}}",
                                       "tokenizer: {file: t.json}");
  const Recipe recipe = MustParse(Replaced("text: text", "token_files: megatron", adopted));
  EXPECT_EQ(recipe.corpora[0].token_files, spec::TokenFiles::kMegatron);
  TextSize size;
  size.text_bytes = 1000;
  EXPECT_EQ(EstimateTokens(recipe.corpora[0], size), 500);
  EXPECT_EQ(EstimateTokens(MustParse(kSmall).corpora[0], size), 250);
  EXPECT_THAT(ErrorOf(Replaced("text: text", "token_files: llm_c")),
              HasSubstr("tokenizer: corpora.tales is ids of a tokenizer that exists"));
  EXPECT_THAT(ErrorOf(Replaced("text: text", "text: text, token_files: llm_c", adopted)),
              HasSubstr("corpora.tales.text: does nothing with token_files"));
}

TEST(RecipeTest, ATokenizerFileSaysWhichTokenEndsDocuments) {
  const auto with = [](const std::string& keys) {
    return Replaced("tokenizer: {train: {vocab: 400}}", "tokenizer: {" + keys + "}");
  };
  const auto adopted = [&](const std::string& keys) {
    const Dag dag = MustExpand(with(keys));
    return dag.jobs.empty() ? Json() : dag.jobs[0].spec["adopt"];
  };
  EXPECT_EQ(adopted("file: t.json, vocab: 400, end_of_text: </s>"),
            Json({{"file", "t.json"}, {"end_of_text", "</s>"}}));
  // Workers of the version before know no such key.
  EXPECT_EQ(adopted("file: t.json, vocab: 400"), Json({{"file", "t.json"}}));
  EXPECT_THAT(ErrorOf(with("train: {vocab: 400}, end_of_text: </s>")),
              HasSubstr("tokenizer.end_of_text: names a token of file; a tokenizer that is trained "
                        "has <|endoftext|>"));
}

TEST(RecipeTest, ACorpusSaysWhatToDoWithOddRows) {
  const auto with = [](const std::string& keys) {
    return Replaced("{files: [tales.jsonl], text: text}", "{files: [tales.jsonl], " + keys + "}");
  };
  const Recipe recipe = MustParse(
      with("text: text, on_bad_row: skip, blank_documents: keep, format: rows"));
  EXPECT_EQ(recipe.corpora[0].on_bad_row, spec::OnBadRow::kSkip);
  EXPECT_EQ(recipe.corpora[0].max_bad_share, std::nullopt);
  EXPECT_EQ(recipe.corpora[0].blank_documents, spec::BlankDocuments::kKeep);
  EXPECT_EQ(recipe.corpora[0].format, spec::CorpusFormat::kRows);
  // What is not asked for is not in the spec: jobs of recipes from before stay as they were.
  const Recipe plain = MustParse(with("text: text, on_bad_row: fail, blank_documents: drop"));
  for (const char* key : {"on_bad_row", "max_bad_share", "blank_documents", "format"})
    EXPECT_FALSE(schema::ToJson(plain.corpora[0].Task()).contains(key)) << key;
  EXPECT_THAT(
      ErrorOf(with("text: text, on_bad_row: drop")),
      HasSubstr("r.yaml:4:57: corpora.tales.on_bad_row: expected fail or skip, found \"drop\""));
  const Recipe few = MustParse(with("text: text, on_bad_row: skip, max_bad_share: 0.01"));
  EXPECT_EQ(schema::ToJson(few.corpora[0].Task())["max_bad_share"], 0.01);
  EXPECT_THAT(ErrorOf(with("text: text, max_bad_share: 0.01")),
              HasSubstr("corpora.tales.max_bad_share: does nothing without on_bad_row: skip; the "
                        "first bad row ends the job"));
  EXPECT_THAT(ErrorOf(with("text: text, on_bad_row: skip, max_bad_share: 1")),
              HasSubstr("corpora.tales.max_bad_share: must be above 0 and below 1, is 1"));
  EXPECT_THAT(ErrorOf(with("text: text, blank_documents: 1")),
              HasSubstr("corpora.tales.blank_documents: expected drop or keep"));
  EXPECT_THAT(ErrorOf(with("format: csv")),
              HasSubstr("corpora.tales.format: expected rows or text"));
  // Keys that would do nothing.
  EXPECT_THAT(ErrorOf(with("text: text, joiner: x")),
              HasSubstr("corpora.tales.joiner: does nothing without join"));
  EXPECT_THAT(ErrorOf(with("text: text, format: text")),
              HasSubstr("corpora.tales.text: does nothing with format: text"));
  EXPECT_THAT(ErrorOf(with("on_bad_row: skip, format: text")),
              HasSubstr("corpora.tales.on_bad_row: does nothing with format: text"));
  EXPECT_THAT(ErrorOf(with("separator: x, format: rows")),
              HasSubstr("corpora.tales.separator: does nothing with format: rows"));
}

TEST(RecipeTest, ACorpusOfChatsHasATemplate) {
  const auto with = [](const std::string& keys) {
    return Replaced("{files: [tales.jsonl], text: text}", "{files: [tales.jsonl], " + keys + "}");
  };
  const Recipe recipe = MustParse(
      with("chat: {message: \"{role}\\n{content}\", roles: {tool: \"\"}, trim: true}"));
  const std::optional<spec::Chat>& chat = recipe.corpora[0].chat;
  ASSERT_TRUE(chat.has_value());
  EXPECT_EQ(chat->forms().message, "{role}\n{content}");
  EXPECT_EQ(schema::ToJson(recipe.corpora[0].Task())["chat"],
            Json({{"message", "{role}\n{content}"}, {"roles", {{"tool", ""}}}, {"trim", true}}));
  EXPECT_EQ(MustParse(with("chat: {template: llama3}")).corpora[0].chat->forms().begin,
            "<|begin_of_text|>");
  EXPECT_THAT(ErrorOf(with("chat: {}")), HasSubstr("corpora.tales.chat.template: name one of"));
  EXPECT_THAT(ErrorOf(with("chat: {message: \"{contents}\"}")),
              HasSubstr("r.yaml:4:49: corpora.tales.chat.message: {role}, {content}, {trimmed} "));
  for (const char* key : {"text: a", "join: [a, b]", "input_ids: a"}) {
    EXPECT_THAT(ErrorOf(with(std::string(key) + ", chat: {template: plain}")),
                HasSubstr("does nothing beside chat, which makes the document of messages"))
        << key;
  }
  EXPECT_THAT(ErrorOf(with("format: text, chat: {template: plain}")),
              HasSubstr("corpora.tales.chat: does nothing with format: text"));
  EXPECT_THAT(ErrorOf(with("token_files: llm_c, chat: {template: plain}")),
              HasSubstr("corpora.tales.chat: does nothing with token_files"));
}

// An error names the place, and not all of what stands there.
TEST(RecipeTest, ErrorsAreShortWhateverTheyQuote) {
  const std::string much(1'000'000, 'x');
  for (const std::string& text :
       {Replaced("run: small", "run: small\n" + much + ": 1"),
        Replaced("batch: 4", "batch: " + much), Replaced("corpus: tales", "corpus: " + much),
        Replaced("vocab: 400", "vocab: *" + much), Replaced("d: 128", "d: \"" + much),
        Replaced("run: small", "run: small\ncompat: " + much)}) {
    const std::string error = ErrorOf(text);
    EXPECT_THAT(error, StartsWith("r.yaml:"));
    EXPECT_LT(error.size(), 3000u);
  }
}

TEST(RecipeTest, ACorpusMayHaveValidationFilesOfItsOwn) {
  const Recipe recipe = MustParse(
      Replaced("text: text}", "text: text, validation: [valid.jsonl, more/*.jsonl]}"));
  EXPECT_THAT(recipe.corpora[0].validation, ElementsAre("valid.jsonl", "more/*.jsonl"));
  EXPECT_THAT(ErrorOf(Replaced("text: text}", "text: text, validation: []}")),
              HasSubstr("corpora.tales.validation: must name at least one file"));
  std::string text = Replaced("text: text}", "text: text, site: north, validation: valid.jsonl}");
  text = Replaced("[tales.jsonl]", "[/data/tales.jsonl]", text);
  EXPECT_THAT(ErrorOf(text), HasSubstr("corpora.tales.validation: valid.jsonl is read on machines "
                                       "of site north; give its absolute name"));
}

TEST(RecipeTest, FilesOfACorpusMayBeFetched) {
  const std::string text = Replaced(
      "[tales.jsonl]", "['https://h/a.jsonl', 's3://corpora/d/*.gz?keys=no', more.jsonl]");
  EXPECT_FALSE(MustParse(text).corpora[0].in_place());
  EXPECT_THAT(ErrorOf(Replaced("[tales.jsonl]", "['http://h/a.jsonl']")),
              HasSubstr("corpora.tales.files: \"http://h/a.jsonl\": over http:// everybody"));
  EXPECT_THAT(ErrorOf(Replaced("text: text}", "text: text, validation: 'https://h/dir/'}")),
              HasSubstr("corpora.tales.validation: \"https://h/dir/\": names no file"));
  // At a site, its workers fetch them; what is read in place there is another corpus.
  EXPECT_THAT(ErrorOf(Replaced("text: text}", "text: text, site: north}", text)),
              HasSubstr("corpora.tales.files: has files of site north and files that are fetched; "
                        "make a corpus of each"));
  const Recipe fetched = MustParse(
      Replaced("text: text}", "text: text, site: north, validation: 's3://corpora/v.gz'}",
               Replaced("[tales.jsonl]", "['https://h/a.jsonl']")));
  EXPECT_FALSE(fetched.corpora[0].in_place());
  EXPECT_TRUE(fetched.corpora[0].Task().files.empty());
  const Dag dag = Expand(fetched, {}).value();
  const JobNode* prepare = dag.Find("prepare:tales");
  ASSERT_NE(prepare, nullptr);
  EXPECT_EQ(prepare->site, "north");
  EXPECT_EQ(prepare->inputs.at("source").source, "source.tales");
  EXPECT_EQ(prepare->inputs.at("validation").source, "validation.tales");
  EXPECT_THAT(prepare->spec.at("validation").at("files"), ::testing::IsEmpty());
}

TEST(RecipeTest, ATokenizerIsTrainedWhereItsTextIs) {
  std::string text = Replaced("text: text}", "text: text, site: north}");
  text = Replaced("[tales.jsonl]", "[/data/tales.jsonl]", text);
  text = Replaced("files: sums/*.jsonl", "site: south, files: /data/sums/*.jsonl", text);
  EXPECT_THAT(ErrorOf(text), HasSubstr("r.yaml:2:12: tokenizer: no machine can read the corpora of "
                                       "the sites north and south together"));
  const Recipe recipe = MustParse(Replaced("vocab: 400", "vocab: 400, corpora: [sums]", text));
  EXPECT_THAT(recipe.tokenizer_corpora, ElementsAre("sums"));
  EXPECT_THAT(ErrorOf(Replaced("vocab: 400", "vocab: 400, corpora: [sum]")),
              HasSubstr("tokenizer: train.corpora: there is no corpus \"sum\""));
  EXPECT_THAT(ErrorOf(Replaced("text: text}", "text: text, site: north}")),
              HasSubstr("r.yaml:4:18: corpora.tales.files: tales.jsonl is read on machines of site "
                        "north; give its absolute name"));
}

TEST(RecipeTest, ExportsAreAsked) {
  EXPECT_FALSE(MustParse(kSmall).export_as);
  EXPECT_EQ(MustParse(std::string(kSmall) + "export: true\n").export_as->format,
            spec::ExportFormat::kHuggingFace);
  EXPECT_FALSE(MustParse(std::string(kSmall) + "export: false\n").export_as);
  EXPECT_EQ(MustParse(std::string(kSmall) + "export: {dtype: bf16}\n").export_as->dtype,
            spec::ExportDtype::kBf16);
  EXPECT_EQ(MustParse(std::string(kSmall) + "export: {format: huggingface}\n").export_as->format,
            spec::ExportFormat::kHuggingFace);
  EXPECT_EQ(ErrorOf(std::string(kSmall) + "export: {format: onnx}\n"),
            "r.yaml:14:18: export.format: expected huggingface, found \"onnx\"");
}

}  // namespace
}  // namespace braid::recipe
