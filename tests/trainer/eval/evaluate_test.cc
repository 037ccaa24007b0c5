#include "trainer/eval/evaluate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "corpus/dataset.h"
#include "tests/trainer/small_world.h"
#include "tests/word.h"
#include "trainer/eval/blimp/blimp_evaluation.h"
#include "trainer/network/lora.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() {
    network_ = Network::Create(world_.Composite(), "cpu").value();
    network_->Initialize(9);
    task_.kind = "evaluate";
    task_.job = "evaluate_m";
    task_.inputs = {{"model", world_.WriteModel("model", *network_)},
                    {"tokenizer", world_.at("tokenizer")},
                    {"data.tales", world_.at("data.tales")},
                    {"data.sums", world_.at("data.sums")}};
    task_.output = world_.MakeFolderAt("output");
    task_.work = world_.MakeFolderAt("work");
    task_.spec = {{"name", "m"}, {"sequence", SmallWorld::kSequence}, {"loss", {{"sequences", 0}}}};
  }
  Json Evaluate() {
    RecordingChannel channel(task_.work);
    const Status status = RunEvaluateJob(task_, channel);
    EXPECT_TRUE(status.ok()) << status.message();
    return ReadJsonFile(task_.output + "/evaluation/evaluation.json").value();
  }
  std::string Error() {
    RecordingChannel channel(task_.work);
    const std::string message = RunEvaluateJob(task_, channel).message();
    phases_ = channel.phases;
    return message;
  }

  // Sum of losses of a corpus by the definition, one sequence after the other, in double precision.
  std::pair<double, int64_t> Reference(const std::string& corpus, int64_t sequences) {
    const auto shards = corpus::Shards::Open(world_.at("data." + corpus)).value();
    const auto vocab = static_cast<size_t>(world_.tokenizer().vocab());
    double sum = 0;
    int64_t targets = 0;
    std::vector<int32_t> ids(SmallWorld::kSequence);
    for (int64_t i = 0;
         i < std::min(sequences, corpus::ValidationSequences(shards, SmallWorld::kSequence)); ++i) {
      corpus::ReadValidation(shards, SmallWorld::kSequence, i, ids.data());
      const std::vector<float> logits = network_->Logits(ids, false);
      for (size_t t = 0; t + 1 < ids.size(); ++t, ++targets) {
        double total = 0;
        for (size_t v = 0; v < vocab; ++v)
          total += std::exp(static_cast<double>(logits[t * vocab + v]));
        sum += std::log(total) - logits[t * vocab + static_cast<size_t>(ids[t + 1])];
      }
    }
    return {sum, targets};
  }

  SmallWorld world_;
  std::unique_ptr<Network> network_;
  task::Task task_;
  std::set<std::string> phases_;  // what the last Error() got to
};

TEST_F(EvaluateTest, LossAndPerplexityOfEachCorpusAndOfAll) {
  const Json loss = Evaluate()["loss"];
  const auto [tales, tales_targets] = Reference("tales", 1000);
  const auto [sums, sums_targets] = Reference("sums", 1000);
  EXPECT_EQ(loss["tales"]["tokens"], tales_targets);
  EXPECT_NEAR(loss["tales"]["loss"].get<double>(), tales / static_cast<double>(tales_targets),
              1e-5);
  EXPECT_NEAR(loss["sums"]["loss"].get<double>(), sums / static_cast<double>(sums_targets), 1e-5);
  const double all = (tales + sums) / static_cast<double>(tales_targets + sums_targets);
  EXPECT_NEAR(loss["all"]["loss"].get<double>(), all, 1e-5);
  EXPECT_NEAR(loss["all"]["perplexity"].get<double>(), std::exp(all), 1e-2);
}

// What a byte costs: the loss in bits over the bytes of what was to be predicted.
TEST_F(EvaluateTest, BitsPerByteAndSumsOfGroups) {
  const Json loss = Evaluate()["loss"];
  for (const char* corpus : {"tales", "sums"}) {
    const auto shards = corpus::Shards::Open(world_.at("data." + std::string(corpus))).value();
    int64_t bytes = 0;
    std::vector<int32_t> ids(SmallWorld::kSequence);
    const int64_t count = corpus::ValidationSequences(shards, SmallWorld::kSequence);
    for (int64_t i = 0; i < count; ++i) {
      corpus::ReadValidation(shards, SmallWorld::kSequence, i, ids.data());
      for (size_t t = 1; t < ids.size(); ++t) {
        if (ids[t] != world_.tokenizer().eos_id())
          bytes += static_cast<int64_t>(world_.tokenizer().Bytes(ids[t]).size());
      }
    }
    const double nats = loss[corpus]["loss"].get<double>() * loss[corpus]["tokens"].get<double>();
    EXPECT_NEAR(loss[corpus]["bits_per_byte"].get<double>(),
                nats / std::log(2) / static_cast<double>(bytes), 1e-9);
    const Json& groups = loss[corpus]["groups"];
    ASSERT_EQ(groups["loss"].size(), static_cast<size_t>(std::min<int64_t>(count, 200)));
    double sum = 0, tokens = 0;
    for (const double one : groups["loss"]) sum += one;
    for (const double one : groups["tokens"]) tokens += one;
    EXPECT_NEAR(sum, nats, 1e-6 * nats);
    EXPECT_EQ(tokens, loss[corpus]["tokens"].get<double>());
  }
  EXPECT_FALSE(loss["all"].contains("groups"));
}

// Cut off after any number of pieces, an evaluation goes on elsewhere and ends with the same bytes.
TEST_F(EvaluateTest, GoesOnBehindItsLastCheckpoint) {
  model::ModelSpec spec = world_.Composite();
  spec.name = "noisy";
  spec.connection.kind = Word("routed");
  spec.arch.router_noise = Word("always");
  network_ = Network::Create(spec, "cpu").value();
  network_->Initialize(3);
  task_.inputs["model"] = world_.WriteModel("noisy", *network_);
  std::string pairs, rows;
  for (const char* words : {"cat sat on", "the mat and"}) {
    const std::string text = words;
    pairs += Json{{"sentence_good", text + " the"}, {"sentence_bad", "the " + text}}.dump() + "\n";
  }
  for (int i = 0; i < 4; ++i)
    rows +=
        Json{{"sentence", i % 2 == 0 ? "the cat sat" : "two and two"}, {"label", i % 2}}.dump() +
        "\n";
  world_.MakeFolderAt("blimp");
  for (const char* paradigm : {"order", "sense"})
    ASSERT_TRUE(WriteFileAtomic(world_.at("blimp") + "/" + paradigm + ".jsonl", pairs).ok());
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("glue") + "/sst2.train.jsonl", rows).ok());
  ASSERT_TRUE(WriteFileAtomic(world_.at("glue") + "/sst2.valid.jsonl", rows).ok());
  task_.inputs["blimp"] = world_.at("blimp");
  task_.inputs["glue"] = world_.at("glue");
  task_.spec["blimp"] = Json::object();
  task_.spec["generate"] = {{"prompts", {"the cat"}}, {"tokens", 3}, {"temperature", 1.0}};
  task_.spec["routing"] = {{"prompts", {{{"text", "the cat"}, {"correct", 2}}}}, {"sequences", 2}};
  task_.spec["glue"] = {
      {"tasks", {"sst2"}}, {"seeds", {1, 2}}, {"epochs", 2}, {"batch", 2}, {"adapters", true}};
  task_.spec["checkpoint"] = {{"seconds", 0}};

  std::map<int64_t, std::string> checkpoints;  // step -> a copy of the folder
  std::string whole;
  {
    RecordingChannel channel(task_.work);
    channel.worker = true;  // nothing is stored, so nothing is removed
    ASSERT_TRUE(RunEvaluateJob(task_, channel).ok());
    whole = ReadFile(task_.output + "/evaluation/evaluation.json").value();
    checkpoints = channel.checkpoints();
  }
  // Losses of two corpora, a sample, prompts and two texts of routing, 2 x 5 scores of BLiMP, two
  // trainings.
  ASSERT_EQ(checkpoints.size(), 2u + 1 + 3 + 10 + 2);
  for (const int64_t step : {int64_t{1}, int64_t{4}, int64_t{11}, int64_t{17}, int64_t{18}}) {
    task_.resume = checkpoints.at(step);
    task_.output = world_.MakeFolderAt("output-" + std::to_string(step));
    task_.work = world_.MakeFolderAt("work-" + std::to_string(step));
    RecordingChannel channel(task_.work);
    ASSERT_TRUE(RunEvaluateJob(task_, channel).ok());
    EXPECT_EQ(ReadFile(task_.output + "/evaluation/evaluation.json").value(), whole)
        << "after " << step << " pieces";
    EXPECT_EQ(channel.checkpoints().size(), 18u - static_cast<size_t>(step));
    for (const char* seed : {"seed-1", "seed-2"}) {
      EXPECT_TRUE(PathExists(task_.output + "/adapters/sst2/" + seed + "/lora.safetensors"))
          << step << seed;
    }
  }
  task_.spec["blimp"] = {{"pairs", 1}};
  EXPECT_THAT(Error(),
              HasSubstr("is a checkpoint of an evaluation with another spec; start without it"));
}

// A stop keeps what is measured, although no checkpoint was due.
TEST_F(EvaluateTest, AStopLeavesACheckpoint) {
  std::string pairs = Json{{"sentence_good", "the cat"}, {"sentence_bad", "cat the"}}.dump() + "\n";
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("blimp") + "/order.jsonl", pairs).ok());
  task_.inputs["blimp"] = world_.at("blimp");
  task_.spec["blimp"] = Json::object();
  task_.spec["checkpoint"] = {{"seconds", 1000}};
  RecordingChannel channel(task_.work);
  channel.stop_phase = "blimp";
  const Status status = RunEvaluateJob(task_, channel);
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  ASSERT_EQ(channel.checkpoints().size(), 1u);
  task_.resume = channel.checkpoints().begin()->second;
  RecordingChannel again(task_.work);
  EXPECT_TRUE(RunEvaluateJob(task_, again).ok());
  EXPECT_THAT(again.phases, ::testing::Not(::testing::Contains("loss")));
}

TEST_F(EvaluateTest, SequencesLongerThanThePositionTableAreRefused) {
  model::ModelSpec spec = world_.Composite();
  spec.arch.rope_max_pos = SmallWorld::kSequence;
  const auto short_sighted = Network::Create(spec, "cpu").value();
  task_.inputs["model"] = world_.WriteModel("short", *short_sighted);
  task_.spec["sequence"] = SmallWorld::kSequence + 1;
  EXPECT_THAT(Error(), HasSubstr("spec.sequence: 17 is above the 16 positions of model composite"));
}

TEST_F(EvaluateTest, ThePublishedLossTakesTheLastPositionAndMeansOfBatches) {
  task_.spec["loss"] = {{"sequences", 3}, {"last_label", "copy_input"}, {"average", "batch_mean"}};
  const Json loss = Evaluate()["loss"];
  EXPECT_EQ(loss["tales"]["tokens"], 3 * 16);
  const double tales = Reference("tales", 3).first / 45, sums = Reference("sums", 3).first / 45;
  EXPECT_NEAR(loss["tales"]["loss_ignore_last"].get<double>(), tales, 1e-5);
  EXPECT_NEAR(loss["all"]["loss_ignore_last"].get<double>(), (tales + sums) / 2, 1e-5);
  EXPECT_DOUBLE_EQ(loss["all"]["loss"].get<double>(),
                   (loss["tales"]["loss"].get<double>() + loss["sums"]["loss"].get<double>()) / 2);
  task_.spec["loss"]["average"] = "mean";
  EXPECT_THAT(Error(), HasSubstr("spec.loss.average"));
}

TEST_F(EvaluateTest, AFewSequencesAndSamples) {
  task_.spec["loss"]["sequences"] = 2;
  task_.spec["generate"] = {{"prompts", {"the cat", "one and"}}, {"tokens", 4}};
  const Json evaluation = Evaluate();
  EXPECT_EQ(evaluation["loss"]["tales"]["tokens"], 2 * 15);
  EXPECT_NEAR(evaluation["loss"]["tales"]["loss"].get<double>(), Reference("tales", 2).first / 30,
              1e-5);
  ASSERT_EQ(evaluation["samples"].size(), 2u);
  EXPECT_EQ(evaluation["samples"][1]["prompt"], "one and");
  EXPECT_EQ(evaluation["samples"][1]["next"].size(), 5u);
  EXPECT_EQ(evaluation["model"]["kind"], "composite");
}

TEST_F(EvaluateTest, PromptsMayStandInAFile) {
  ASSERT_TRUE(
      WriteFileAtomic(world_.MakeFolderAt("prompts") + "/p.txt", "the cat\n\none and\n").ok());
  task_.spec["generate"] = {{"file", "p.txt"}, {"tokens", 2}};
  EXPECT_THAT(Error(), HasSubstr("prompts"));  // without the input
  task_.inputs["prompts"] = world_.at("prompts");
  const Json samples = Evaluate()["samples"];
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[1]["prompt"], "one and");
  ASSERT_TRUE(WriteFileAtomic(world_.at("prompts") + "/p.txt", "\n").ok());
  EXPECT_THAT(Error(), HasSubstr("p.txt: no prompt in this file"));
}

TEST_F(EvaluateTest, BlimpCountsPairsByTheModelsLogits) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"the cat sat on the mat", "the mat sat the cat on"},
      {"one and one are two", "one are and two one"},
      {"the dog", "the dog"},
      {"dog the", "the dog"}};
  std::string rows;
  double right = 0;
  corpus::Encoder encoder(world_.shared_tokenizer());
  // By the definition: log p of every token after <|endoftext|> and those before it, from whole
  // logits in double precision.
  const auto score = [&](const std::string& sentence) {
    std::vector<int32_t> ids = {world_.tokenizer().eos_id()};
    encoder.Encode(" " + sentence, &ids);
    const auto vocab = static_cast<size_t>(world_.tokenizer().vocab());
    const std::vector<float> logits = network_->Logits(ids, false);
    double sum = 0;
    for (size_t t = 0; t + 1 < ids.size(); ++t) {
      double total = 0;
      for (size_t v = 0; v < vocab; ++v)
        total += std::exp(static_cast<double>(logits[t * vocab + v]));
      sum += logits[t * vocab + static_cast<size_t>(ids[t + 1])] - std::log(total);
    }
    return sum;
  };
  for (const auto& [good, bad] : pairs) {
    rows += Json{{"sentence_good", good}, {"sentence_bad", bad}}.dump() + "\n";
    right += good == bad || score(good) > score(bad) ? 1 : 0;
  }
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("blimp") + "/word_order.jsonl", rows).ok());
  task_.inputs["blimp"] = world_.at("blimp");
  task_.spec["blimp"] = {{"pairs", 0}};
  const Json blimp = Evaluate()["blimp"];
  EXPECT_EQ(blimp["paradigms"]["word_order"], 100 * right / 4);
  EXPECT_EQ(blimp["mean"], 100 * right / 4);
  EXPECT_EQ(blimp["pairs"], 4);
  EXPECT_EQ(blimp["seeds"].size(), 1u);
}

// A4: noise in every pass, so five seeds; whoever evaluates again gets the same.
TEST_F(EvaluateTest, AModelThatDrawsNoiseIsScoredWithFiveSeeds) {
  model::ModelSpec spec = world_.Composite();
  spec.name = "noisy";
  spec.connection.kind = Word("routed");
  spec.arch.router_noise = Word("always");
  const auto noisy = Network::Create(spec, "cpu").value();
  noisy->Initialize(3);
  task_.inputs["model"] = world_.WriteModel("noisy", *noisy);
  std::string rows;
  for (const char* words : {"cat sat on", "the mat and", "dog one two", "four are cat"}) {
    const std::string text = words;
    rows += Json{{"sentence_good", text + " the"}, {"sentence_bad", "the " + text}}.dump() + "\n";
  }
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("blimp") + "/order.jsonl", rows).ok());
  task_.inputs["blimp"] = world_.at("blimp");
  task_.spec["blimp"] = Json::object();
  task_.spec["routing"] = {{"prompts", {{{"text", "the cat"}, {"correct", 2}}}}};
  const Json first = Evaluate(), second = Evaluate();
  EXPECT_EQ(first["blimp"]["seeds"].size(), 5u);
  EXPECT_EQ(first["blimp"], second["blimp"]);
  EXPECT_EQ(first["routing"], second["routing"]);
  EXPECT_EQ(first["routing"]["prompts"][0]["decisions"][0].size(), 2u);
  EXPECT_EQ(first["routing"]["prompts"][0]["clean_decisions"][0].size(), 2u);
  EXPECT_EQ(first["routing"]["noise"], true);
  EXPECT_EQ(first["routing"]["summary"]["shares"].size(), 3u);
  EXPECT_FALSE(first["routing"].contains("text"));
}

// The published pairs and tokenizer, where a checkout has them beside it: a model of random weights
// knows nothing (docs/papers/papaformer.md#s11, #s8).
TEST_F(EvaluateTest, ARandomModelIsNearChanceOnBlimp) {
  const std::string shared = JoinPath(FolderOf(BRAID_SOURCE_DIR), "shared/data");
  const std::string archive = JoinPath(shared, "eval/blimp/blimp.tar.gz");
  const std::string tokenizer_file = JoinPath(shared, "tokenizers/gpt-neox-20b/tokenizer.json");
  if (!PathExists(archive) || !PathExists(tokenizer_file)) GTEST_SKIP() << "no " << archive;
  const std::string folder = world_.MakeFolderAt("blimp");
  ASSERT_EQ(std::system(("tar xzf '" + archive + "' -C '" + folder + "'").c_str()), 0);
  const auto tokenizer = corpus::Tokenizer::Load(tokenizer_file).value();
  model::ModelSpec spec = world_.Dense("random");
  spec.vocab = tokenizer->vocab();
  spec.pad_id = tokenizer->pad_id();
  spec.eos_id = tokenizer->eos_id();
  const auto random = Network::Create(spec, "cpu").value();
  random->Initialize(1);
  const Json blimp = MeasureBlimp(*random, tokenizer, folder, /*pairs=*/20, {}).value();
  EXPECT_EQ(blimp["pairs"], 67 * 20);
  EXPECT_NEAR(blimp["mean"].get<double>(), 50, 4);
}

TEST_F(EvaluateTest, RoutingOfAShareComposite) {
  task_.spec["routing"] = {{"prompts", {{{"text", "the cat"}, {"correct", 1}}}},
                           {"sequences", 2},
                           {"corpora", {{"tales", 1}, {"sums", 2}}}};
  const Json routing = Evaluate()["routing"];
  ASSERT_EQ(routing["prompts"].size(), 1u);
  EXPECT_EQ(routing["prompt_set"], "own");
  EXPECT_EQ(routing["prompts"][0]["decisions"][0].size(), 1u);  // of two layers the last has no
                                                                // choice
  EXPECT_EQ(routing["text"]["tales"]["decisions"], 2 * SmallWorld::kSequence);
  const Json& shares = routing["text"]["sums"]["shares"];
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_NEAR(shares[0].get<double>() + shares[1].get<double>(), 100, 1e-9);
  EXPECT_EQ(routing["text"]["sums"]["correct"], shares[1]);
  task_.spec["routing"] = Json::object();
  EXPECT_EQ(Evaluate()["routing"]["prompt_set"], "default");
  task_.spec["routing"] = {{"prompts", Json::array()}, {"sequences", 2}};
  const Json text_alone = Evaluate()["routing"];
  EXPECT_FALSE(text_alone.contains("prompt_set"));
  EXPECT_FALSE(text_alone.contains("summary"));
}

TEST_F(EvaluateTest, RoutingNeedsAModelThatRoutes) {
  const auto dense = Network::Create(world_.Dense("lone"), "cpu").value();
  dense->Initialize(1);
  task_.inputs["model"] = world_.WriteModel("lone", *dense);
  task_.spec["routing"] = Json::object();
  EXPECT_THAT(Error(), HasSubstr("model lone makes no routing decisions"));
  task_.inputs["model"] = world_.at("model");
  model::ModelSpec unequal = world_.Composite();
  unequal.paths[0].d *= 2;
  unequal.large.d += unequal.paths[1].d;
  unequal.name = "unequal";
  task_.inputs["model"] = world_.WriteModel("unequal", *Network::Create(unequal, "cpu").value());
  EXPECT_THAT(Error(), HasSubstr("model unequal makes no routing decisions"));
  task_.inputs["model"] = world_.at("model");
  task_.spec["routing"] = {{"prompts", {{{"text", ""}, {"correct", 1}}}}};
  EXPECT_THAT(Error(),
              HasSubstr("spec.routing.prompts.0.text: is empty; the analysis reads the last"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
  task_.spec["routing"] = {{"sequences", 1}, {"corpora", {{"poems", 1}}}};
  EXPECT_THAT(Error(), HasSubstr("spec.routing.corpora: there is no input data.poems"));
}

TEST_F(EvaluateTest, GlueTrainsAdaptersAndKeepsThem) {
  // A composite before its first step hands on next to nothing of its input; a dense model does.
  network_ = Network::Create(world_.Dense("lone"), "cpu").value();
  network_->Initialize(1);
  task_.inputs["model"] = world_.WriteModel("lone", *network_);
  std::string rows;
  for (int i = 0; i < 12; ++i)
    rows +=
        Json{{"sentence", i % 2 == 0 ? "the cat sat" : "two and two"}, {"label", i % 2}}.dump() +
        "\n";
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("glue") + "/sst2.train.jsonl", rows).ok());
  ASSERT_TRUE(WriteFileAtomic(world_.at("glue") + "/sst2.valid.jsonl", rows).ok());
  task_.inputs["glue"] = world_.at("glue");
  task_.spec["glue"] = {{"tasks", {"sst2"}}, {"seeds", {1, 2}}, {"epochs", 12},
                        {"batch", 4},        {"lr", 0.03},      {"adapters", true}};
  const Json evaluation = Evaluate();
  const Json& sst2 = evaluation["glue"]["tasks"]["sst2"];
  EXPECT_EQ(sst2["score"], 100.0);  // two sentences, each always of one class
  EXPECT_EQ(sst2["seeds"].size(), 2u);
  EXPECT_LT(sst2["runs"][0]["loss"].get<double>(), 0.5);
  // The adapters that were kept give the classes again.
  const std::string folder = task_.output + "/adapters/sst2/seed-2";
  const auto lora = Lora::Attach(*network_, ReadLoraConfig(folder).value()).value();
  ASSERT_TRUE(lora->Load(folder).ok());
  corpus::Encoder encoder(world_.shared_tokenizer());
  for (const int32_t label : {0, 1}) {
    std::vector<int32_t> ids;
    encoder.Encode(label == 0 ? "the cat sat" : "two and two", &ids);
    const auto length = static_cast<int32_t>(ids.size());
    const std::vector<float> logits = lora->Logits({ids.data(), &length, 1, length});
    EXPECT_EQ(logits[1] > logits[0], label == 1);
  }
}

TEST_F(EvaluateTest, WhatIsWrongWithTaskFilesIsKnownBeforeAnyWork) {
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("glue") + "/sst2.train.jsonl",
                              "{\"sentence\": \"a\", \"label\": 1}\n")
                  .ok());
  task_.inputs["glue"] = world_.at("glue");
  task_.spec["glue"] = {{"tasks", {"sst2"}}};
  EXPECT_THAT(Error(), HasSubstr("sst2.train.jsonl has one class only"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
  task_.spec["glue"]["tasks"] = {"boolq"};
  EXPECT_THAT(Error(), HasSubstr("superglue"));  // the input is missing
  task_.spec["glue"]["tasks"] = {"sst3"};
  EXPECT_THAT(Error(), HasSubstr("found \"sst3\"; did you mean sst2?"));
  task_.spec.erase("glue");
  task_.spec["blimp"] = Json::object();
  EXPECT_THAT(Error(), HasSubstr("blimp"));  // the input is missing
  task_.inputs["blimp"] = world_.MakeFolderAt("empty");
  EXPECT_THAT(Error(), HasSubstr("no <paradigm>.jsonl here"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
}

// Before it is kept anywhere, and whatever asked for it.
TEST_F(EvaluateTest, LossesThatAreNoNumbersAreNamed) {
  model::ModelSpec spec = world_.Dense("broken");
  spec.dense = {"broken", 16, 2, 2, 0, Word("dual_path")};
  spec.dense.dual.loops = 2;
  spec.dense.dual.ffn_deep = spec.dense.dual.ffn_wide = 24;
  const auto broken = Network::Create(spec, "cpu").value();
  broken->Initialize(1);
  broken->parameters()[broken->layout().at("norm.weight").offset] = std::nanf("");
  task_.inputs["model"] = world_.WriteModel("broken", *broken);
  EXPECT_THAT(Error(), HasSubstr("model broken has a loss that is not finite on sums"));
  task_.spec.erase("loss");
  task_.spec["dual"] = {{"sequences", 1},
                        {"interventions", {{{"name", "shut"}, {"gates", "deep"}}}}};
  EXPECT_THAT(
      Error(),
      HasSubstr("model broken has a loss that is not finite on sums under intervention shut"));
}

TEST_F(EvaluateTest, TextsThatAreMissingAreKnownBeforeAnyWork) {
  model::ModelSpec spec = world_.Dense("loop");
  spec.dense = {"loop", 16, 2, 2, 0, Word("loop")};
  spec.dense.dual.loops = 2;
  spec.dense.dual.ffn_deep = 24;
  task_.inputs["model"] = world_.WriteModel("loop", *Network::Create(spec, "cpu").value());
  task_.inputs["tagged"] = world_.MakeFolderAt("tagged");
  ASSERT_TRUE(WriteFileAtomic(world_.at("tagged") + "/talk.jsonl",
                              "{\"text\": \"the cat\", \"tags\": []}\n")
                  .ok());
  ASSERT_TRUE(WriteFileAtomic(world_.at("tagged") + "/tales.jsonl",
                              "{\"text\": \"the cat\", \"tags\": []}\n")
                  .ok());
  task_.spec["dual"] = {{"tagged", {"talk.jsonl"}}};
  EXPECT_THAT(Error(), HasSubstr("tagged text talk: its "));
  EXPECT_THAT(Error(), HasSubstr("tokens are not one sequence of 16; give more text"));
  task_.spec["dual"] = {{"tagged", {"tales.jsonl"}}};
  EXPECT_THAT(
      Error(),
      HasSubstr("spec.dual.tagged: tales.jsonl has the name of another text; rename the file"));
  task_.spec["dual"] = Json::object();
  task_.inputs.erase("data.tales");
  task_.inputs.erase("data.sums");
  EXPECT_THAT(Error(), HasSubstr("spec.loss needs inputs data.<corpus>"));
  task_.spec.erase("loss");
  EXPECT_THAT(Error(), HasSubstr("spec.dual needs inputs data.<corpus>, or tagged text"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
}

// A worker has inputs below its cache, with their manifests beside them; its user knows other
// names.
TEST_F(EvaluateTest, BadRowsOfInputsHaveTheUsersNames) {
  model::ModelSpec spec = world_.Dense("loop");
  spec.dense = {"loop", 16, 2, 2, 0, Word("loop")};
  spec.dense.dual.loops = 2;
  spec.dense.dual.ffn_deep = 24;
  task_.inputs["model"] = world_.WriteModel("loop", *Network::Create(spec, "cpu").value());
  task_.spec.erase("loss");
  // The error of a job that evaluates `part` with one file in the input `role`.
  const auto error = [&](const std::string& part, const Json& settings, const std::string& role,
                         const std::string& file, const std::string& text, const Json& metadata) {
    const std::string folder = world_.MakeFolderAt("0f" + role);
    EXPECT_TRUE(MakeFolder(std::string(FolderOf(JoinPath(folder, file)))).ok());
    EXPECT_TRUE(WriteFileAtomic(JoinPath(folder, file), text).ok());
    EXPECT_TRUE(WriteJsonFile(folder + ".manifest.json", {{"metadata", metadata}}).ok());
    task_.inputs[role] = folder;
    task_.spec[part] = settings;
    std::string message = Error();
    task_.spec.erase(part);
    EXPECT_THAT(message, ::testing::Not(HasSubstr(world_.at("0f"))));
    return message;
  };
  EXPECT_EQ(
      error("blimp", Json::object(), "blimp", "a.jsonl",
            "\n{\"sentence_good\": \"x\", \"sentence_bad\": [\"y\"]}\n", {{"folder", "../blimp"}}),
      "../blimp/a.jsonl:2: field \"sentence_bad\" is not text, but [\"y\"] (column 40)");
  EXPECT_THAT(error("blimp", Json::object(), "blimp", "a.jsonl", "", {{"folder", "../blimp"}}),
              HasSubstr("../blimp/a.jsonl: no pairs in this file"));
  const Json sst2 = {{"tasks", {"sst2"}}};
  EXPECT_EQ(error("glue", sst2, "glue", "SST-2/train.jsonl", "{\"sentence\": 5, \"label\": 1}\n",
                  {{"folder", "data/glue"}}),
            "task sst2: data/glue/SST-2/train.jsonl:1: field sentence is 5, but must be text "
            "(column 14)");
  EXPECT_THAT(error("glue", sst2, "glue", "SST-2/train.jsonl",
                    "{\"sentence\": \"a\", \"label\": 1}\n", {{"folder", "data/glue"}}),
              HasSubstr("task sst2: data/glue/SST-2/train.jsonl has one class only"));
  EXPECT_THAT(error("glue", sst2, "glue", "SST-2/train.jsonl",
                    "{\"sentence\": \"a\", \"label\": 1}\n{\"sentence\": \"b\", \"label\": 0}\n",
                    Json::object()),
              HasSubstr("task sst2: no file of split dev in artifact 0fglue; expected"));
  EXPECT_EQ(error("dual", {{"tagged", {"talk.jsonl"}}}, "tagged", "talk.jsonl",
                  "{\"text\": \"the cat\", \"tags\": [[0, 3]]}\n",
                  {{"folder", "texts"}, {"files", {{"talk.jsonl", "../talk.jsonl"}}}}),
            "../talk.jsonl:1: field \"tags\" (column 29): item 0: expected [begin, end, \"TAG\"], "
            "found [0,3]");
  EXPECT_EQ(error("generate", {{"file", "p.txt"}}, "prompts", "p.txt", "\n", {{"folder", "notes"}}),
            "notes/p.txt: no prompt in this file; write one a line");
  EXPECT_EQ(error("next_token", Json::object(), "next_token", "a.jsonl", "{\"text\": null}\n",
                  {{"folder", "news"}}),
            "news/a.jsonl:1: field \"text\" is not text, but null (column 10)");
}

TEST_F(EvaluateTest, WhatIsWrongWithPromptsIsKnownBeforeAnyWork) {
  model::ModelSpec spec = world_.Composite();
  spec.arch.rope_max_pos = SmallWorld::kSequence;
  task_.inputs["model"] = world_.WriteModel("short", *Network::Create(spec, "cpu").value());
  task_.spec["generate"] = {{"prompts", {"the cat sat"}}, {"tokens", SmallWorld::kSequence}};
  EXPECT_THAT(Error(), HasSubstr("above the 16 positions of this model"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
  task_.spec["generate"] = {{"prompts", {"the cat sat"}}, {"tokens", 1}};
  task_.spec["routing"] = {
      {"prompts",
       {{{"text", "the cat sat on the mat and the dog sat on the mat and the cat sat on the dog"},
         {"correct", 1}}}}};
  EXPECT_THAT(Error(), HasSubstr("are above the 16 positions of this model"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
  task_.spec.erase("routing");
  task_.spec["dual"] = {{"interventions", Json::array()}};
  EXPECT_THAT(Error(), HasSubstr("has no loop or dual_path block; spec.dual is about those"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
  task_.spec.erase("dual");
  task_.spec["generate"] = {{"tokens", 2}};
  EXPECT_THAT(Error(), HasSubstr("spec.generate.prompts: give at least one, or file"));
  EXPECT_THAT(phases_, ::testing::IsEmpty());
}

TEST_F(EvaluateTest, RefusesOtherTokenizersAndTooLittleText) {
  world_.WriteShards("foreign", "tales", 3, std::string(64, 'f'));
  task_.inputs["data.tales"] = world_.at("foreign");
  EXPECT_THAT(Error(), HasSubstr("corpus tales was tokenised with ffffffffffff"));

  task_.inputs["data.tales"] = world_.at("data.tales");
  task_.spec["sequence"] = 5000;
  EXPECT_THAT(Error(),
              testing::MatchesRegex("corpus (tales|sums): [0-9]+ tokens set aside are not one "
                                    "sequence of 5000; raise validation.documents .*"));
  EXPECT_TRUE(phases_.empty());  // before anything is measured
  task_.spec.erase("loss");
  for (const char* part : {"dual", "routing"}) {
    task_.spec[part] = {{"sequences", 2}};
    EXPECT_THAT(Error(), HasSubstr("tokens set aside are not one sequence of 5000")) << part;
    EXPECT_TRUE(phases_.empty()) << part;
    task_.spec.erase(part);
  }
  task_.spec["loss"] = Json::object();

  corpus::BpeTrainer other;
  other.Add("other words make other merges, other merges make other digests");
  ASSERT_TRUE(
      WriteJsonFile(world_.MakeFolderAt("other") + "/tokenizer.json", other.Train(260).value())
          .ok());
  task_.inputs["tokenizer"] = world_.at("other");
  EXPECT_THAT(Error(), HasSubstr("model composite was trained with tokenizer " +
                                 world_.tokenizer().digest().substr(0, 12)));
}

}  // namespace
}  // namespace braid::trainer
