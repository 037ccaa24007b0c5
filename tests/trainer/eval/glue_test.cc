#include "trainer/eval/glue/glue.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/file.h"
#include "base/text.h"
#include "corpus/bpe_trainer.h"
#include "schema/read.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// How Hugging Face's tokenizers 0.23.3 truncates pairs with `longest_first`.
TEST(EncodingTest, TruncatesTheLongerTextFirst) {
  const int cases[][5] = {{3, 4, 8, 3, 4},  {10, 2, 8, 6, 2}, {2, 10, 8, 2, 6}, {10, 10, 8, 4, 4},
                          {10, 5, 7, 4, 3}, {5, 10, 7, 3, 4}, {10, 3, 5, 3, 2}, {3, 10, 5, 2, 3},
                          {4, 4, 7, 3, 4},  {0, 20, 8, 0, 8}, {9, 4, 8, 4, 4},  {4, 9, 8, 4, 4},
                          {3, 3, 5, 2, 3}};
  for (const auto& [first, second, length, kept_first, kept_second] : cases) {
    const Kept kept = Truncated(static_cast<size_t>(first), static_cast<size_t>(second),
                                static_cast<size_t>(length));
    EXPECT_EQ(kept.first, static_cast<size_t>(kept_first))
        << first << " " << second << " " << length;
    EXPECT_EQ(kept.second, static_cast<size_t>(kept_second))
        << first << " " << second << " " << length;
  }
}

TEST(EncodingTest, BatchesArePaddedOnTheRight) {
  const Batch batch = MakeBatch({{{1, 2, 3}, 1}, {{4}, 0}, {{5, 6}, 2}}, {2, 1, 0}, 0, 2, 99);
  EXPECT_EQ(batch.sequence, 2);
  EXPECT_THAT(batch.ids, ElementsAre(5, 6, 4, 99));
  EXPECT_THAT(batch.lengths, ElementsAre(2, 1));
  EXPECT_THAT(batch.labels, ElementsAre(2.0f, 0.0f));
}

// Scores a task by its seed: after training with seed s the first s of ten validation examples are
// answered rightly.
class SeededClassifier final : public Classifier {
 public:
  Status Start(uint64_t seed, int64_t outputs, bool) override {
    seed_ = seed;
    outputs_ = outputs;
    return OkStatus();
  }
  Result<double> Step(const Batch&, double) override { return 1.0; }
  Result<std::vector<float>> Logits(const Batch& batch) override {
    std::vector<float> logits;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const bool right = static_cast<uint64_t>(answered_++ % 10) < seed_;
      const auto label = static_cast<int64_t>(batch.labels[static_cast<size_t>(row)]);
      for (int64_t i = 0; i < outputs_; ++i) logits.push_back((i == label) == right ? 1.f : 0.f);
    }
    return logits;
  }
  std::vector<float> Weights() const override { return {1}; }
  void SetWeights(const std::vector<float>&) override {}

 private:
  uint64_t seed_ = 0;
  int64_t outputs_ = 0;
  int64_t answered_ = 0;
};

class GlueTest : public ::testing::Test {
 protected:
  GlueTest() {
    corpus::BpeTrainer trainer;
    trainer.Add("the cat sat on the mat and the dog sat on the cat");
    tokenizer_ =
        corpus::Tokenizer::Parse(DumpJson(trainer.Train(270).value()), "tokenizer").value();
    std::string rows;
    for (int i = 0; i < 10; ++i) rows += Format("{\"sentence\": \"s\", \"label\": %d}\n", i % 2);
    Write("sst2.train.jsonl", rows);
    Write("sst2.valid.jsonl", rows);
    std::string pairs;
    for (int i = 0; i < 10; ++i)
      pairs += Format("{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": %d}\n", i % 3);
    Write("mnli.train.jsonl", pairs);
    Write("mnli.valid.jsonl", pairs);
    Write("mnli-mm.valid.jsonl", pairs);
    settings_.epochs = 1;
    settings_.tasks = {"sst2"};
  }
  void Write(const std::string& name, const std::string& text) const {
    EXPECT_TRUE(WriteFileAtomic(JoinPath(folder_.path(), name), text).ok());
  }
  Result<GlueResult> Run(const GlueHooks& hooks = {}) {
    corpus::Encoder encoder(tokenizer_);
    SeededClassifier classifier;
    return RunGlue({folder_.path(), folder_.path()}, settings_, *tokenizer_, encoder, classifier,
                   hooks);
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::shared_ptr<const corpus::Tokenizer> tokenizer_;
  spec::GlueSettings settings_;
};

TEST_F(GlueTest, MeanAndDeviationOverTheSeeds) {
  settings_.seeds = {4, 6, 8};
  const Json json = ToJson(Run().value());
  const Json& sst2 = json["tasks"]["sst2"];
  EXPECT_NEAR(sst2["score"].get<double>(), 60, 1e-9);
  EXPECT_NEAR(sst2["deviation"].get<double>(), 20, 1e-9);  // of 40, 60 and 80
  EXPECT_NEAR(sst2["seeds"][1].get<double>(), 60, 1e-9);
  EXPECT_EQ(sst2["runs"][2]["seed"], 8);
  EXPECT_EQ(sst2["metric"], "accuracy");
  EXPECT_EQ(sst2["examples"]["train"], 10);
  EXPECT_FALSE(json.contains("glue"));  // seven of its tasks are missing
}

TEST_F(GlueTest, MnliIsTheMeanOfItsTwoSetsOrTheMatchedOne) {
  settings_.tasks = {"mnli"};
  const GlueResult both = Run().value();
  EXPECT_THAT(both.tasks[0].scores, ::testing::SizeIs(2));  // its own seeds: 12 and 42
  EXPECT_THAT(both.tasks[0].runs[0].scores, ::testing::SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<double>& sets = both.tasks[0].runs[i].scores;
    EXPECT_DOUBLE_EQ(both.tasks[0].scores[i], (sets[0] + sets[1]) / 2);
  }
  EXPECT_EQ(both.tasks[0].runs[0].seed, 12u);
  EXPECT_EQ(both.tasks[0].validation_examples, 20);
  settings_.mnli = spec::MnliScore::kMatched;
  EXPECT_THAT(Run().value().tasks[0].runs[0].scores, ::testing::SizeIs(1));
}

TEST_F(GlueTest, TheSetsOfMnliCountAlikeWhateverTheirSizes) {
  std::string five;
  for (int i = 0; i < 5; ++i)
    five += Format("{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": %d}\n", i % 3);
  Write("mnli-mm.valid.jsonl", five);
  settings_.tasks = {"mnli"};
  settings_.seeds = {4};
  const GlueResult::Task mnli = Run().value().tasks[0];
  EXPECT_THAT(mnli.runs[0].scores,
              ElementsAre(::testing::DoubleNear(0.4, 1e-9), ::testing::DoubleNear(0.8, 1e-9)));
  EXPECT_NEAR(mnli.score, 0.6, 1e-9);  // of all examples together 8 in 15 are right
}

// The published archives of the two suites have an RTE each, in two formats.
TEST_F(GlueTest, EachSuiteHasItsFolder) {
  const TemporaryFolder super = TemporaryFolder::Create().value();
  const auto write = [](const std::string& folder, const std::string& name,
                        const std::string& text) {
    ASSERT_TRUE(MakeFolder(JoinPath(folder, FolderOf(name))).ok());
    ASSERT_TRUE(WriteFileAtomic(JoinPath(folder, name), text).ok());
  };
  const std::string tsv =
      "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n1\tc\td\tnot_entailment\n";
  for (const char* split : {"train", "dev"})
    write(folder_.path(), Format("RTE/%s.tsv", split), tsv);
  for (const char* split : {"train", "val"}) {
    write(super.path(), Format("RTE/%s.jsonl", split),
          R"({"premise": "p", "hypothesis": "h", "label": "entailment"})"
          "\n");
    write(super.path(), Format("BoolQ/%s.jsonl", split),
          R"({"question": "q", "passage": "p", "label": true})"
          "\n"
          R"({"question": "r", "passage": "p", "label": false})"
          "\n"
          R"({"question": "s", "passage": "p", "label": true})"
          "\n");
  }
  settings_.tasks = {"rte", "boolq"};
  settings_.seeds = {1};
  corpus::Encoder encoder(tokenizer_);
  SeededClassifier classifier;
  const auto run = [&](const GlueFolders& folders) {
    return RunGlue(folders, settings_, *tokenizer_, encoder, classifier, {});
  };
  const auto result = run({folder_.path(), super.path()});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->tasks[0].train_examples, 2);
  EXPECT_EQ(result->tasks[1].train_examples, 3);
  // By hand one folder may hold both suites, but not one split twice; if it is of a task that
  // nobody asked for it may.
  for (const char* split : {"train", "val"}) {
    write(super.path(), Format("RTE/%s.tsv", split), tsv);
  }
  EXPECT_THAT(run({super.path(), super.path()}).status().message(),
              HasSubstr("are both rte.train; keep one"));
  settings_.tasks = {"boolq"};
  EXPECT_TRUE(run({super.path(), super.path()}).ok());
}

TEST_F(GlueTest, TheMeanOfASuiteNeedsAllItsTasks) {
  GlueResult result;
  for (const auto& [name, suite, score] : std::vector<std::tuple<std::string, std::string, double>>{
           {"boolq", "superglue", 0.5}, {"wsc", "superglue", 0.6}, {"copa", "extra", 0.9}}) {
    GlueResult::Task task;
    task.name = name;
    task.suite = suite;
    task.score = score;
    result.tasks.push_back(task);
  }
  EXPECT_FALSE(ToJson(result).contains("superglue"));
  result.tasks.push_back(result.tasks[0]);
  result.tasks.back().name = "multirc";
  result.tasks.back().score = 0.7;
  EXPECT_NEAR(ToJson(result)["superglue"].get<double>(), 60, 1e-9);
}

TEST_F(GlueTest, EveryFileIsReadBeforeTheFirstTraining) {
  settings_.tasks = {"sst2", "rte"};
  bool trained = false;
  GlueHooks hooks;
  hooks.progress = [&](const std::string&, int64_t, int64_t) {
    trained = true;
    return OkStatus();
  };
  EXPECT_THAT(Run(hooks).status().message(), HasSubstr("task rte: no file of split train"));
  EXPECT_FALSE(trained);
}

TEST_F(GlueTest, TellsWhatItTrains) {
  settings_.seeds = {7};
  std::vector<std::string> said;
  GlueHooks hooks;
  hooks.progress = [&](const std::string& what, int64_t done, int64_t total) {
    said.push_back(Format("%s: %lld of %lld", what.c_str(), (long long)done, (long long)total));
    return OkStatus();
  };
  hooks.trained = [&](const std::string& task, uint64_t seed) {
    said.push_back("trained " + task + " " + std::to_string(seed));
    return OkStatus();
  };
  ASSERT_TRUE(Run(hooks).ok());
  EXPECT_THAT(said, ElementsAre("sst2, seed 7: 1 of 1", "trained sst2 7"));
}

TEST(GlueSettingsTest, DefaultsAreTheSpecifications) {
  const auto settings = schema::FromJson<spec::GlueSettings>(Json::object(), "spec.glue").value();
  EXPECT_THAT(spec::CountedGlueTasks(), ElementsAre("cola", "sst2", "mrpc", "stsb", "qqp", "mnli",
                                                    "qnli", "rte", "boolq", "wsc", "multirc"));
  EXPECT_EQ(settings.epochs, 32);
  EXPECT_EQ(settings.patience, 5);
  EXPECT_EQ(settings.batch, 64);
  EXPECT_EQ(settings.lr, 3e-4);
  EXPECT_EQ(settings.weight_decay, 0.1);
  EXPECT_EQ(settings.warmup, 0.06);
  EXPECT_EQ(settings.length, 128);
  EXPECT_EQ(settings.rank, 8);
  EXPECT_EQ(settings.alpha, 16);
  EXPECT_EQ(settings.dropout, 0.1);
  EXPECT_TRUE(settings.seeds.empty());
}

TEST(GlueSettingsTest, SaysWhatIsWrong) {
  const auto error = [](const Json& json) {
    return schema::FromJson<spec::GlueSettings>(json, "spec.glue").status().message();
  };
  EXPECT_THAT(error({{"tasks", {"cola", "wnli"}}}),
              HasSubstr("spec.glue.tasks: expected cola or sst2 or"));
  EXPECT_THAT(error({{"tasks", {"cola", "cola"}}}), HasSubstr("names \"cola\" twice"));
  EXPECT_THAT(error({{"patience", 0}}), HasSubstr("spec.glue.patience: must be at least 1"));
  EXPECT_THAT(error({{"dropout", 1}}),
              HasSubstr("spec.glue.dropout: must be at least 0 and below 1"));
  EXPECT_THAT(
      error({{"seeds", {1, -2}}}),
      HasSubstr("spec.glue.seeds: expected a list of whole numbers of at least 0, found [1,-2]"));
  EXPECT_THAT(error({{"mnli", "both"}}), HasSubstr("expected mean or matched, found \"both\""));
  EXPECT_THAT(error({{"patiance", 3}}), HasSubstr("did you mean patience"));
}

}  // namespace
}  // namespace braid::trainer
