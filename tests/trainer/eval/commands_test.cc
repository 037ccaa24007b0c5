#include "trainer/eval/commands.h"

#include <gmock/gmock.h>

#include "tests/trainer/small_world.h"
#include "trainer/eval/evaluation.h"
#include "trainer/network/lora.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    network_ = Network::Create(world_.Dense("m"), "cpu").value();
    network_->Initialize(9);
    folder_ = world_.WriteModel("model", *network_);
    EXPECT_TRUE(
        CopyFile(world_.at("tokenizer") + "/tokenizer.json", folder_ + "/tokenizer.json").ok());
  }
  static Arguments Words(std::vector<std::string> words) {
    std::vector<const char*> argv = {"braid-trainer"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return Arguments::Parse(static_cast<int>(argv.size()), argv.data(),
                            {"tasks", "seeds", "epochs", "adapters", "pairs", "threads", "tokens",
                             "temperature", "top-p", "seed", "sequences", "average", "last-label"},
                            {"json"})
        .value();
  }

  // The command of an evaluation, which the first word names.
  static Status Run(const Arguments& arguments) {
    return FindEvaluationCommand(arguments.positional()[0])->run(arguments);
  }

  SmallWorld world_;
  std::unique_ptr<Network> network_;
  std::string folder_;
};

TEST_F(CommandsTest, AdaptMergesWhatGlueKept) {
  std::string rows;
  for (int i = 0; i < 8; ++i)
    rows += Json{{"sentence", i % 2 == 0 ? "the cat" : "two and"}, {"label", i % 2}}.dump() + "\n";
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("glue") + "/sst2.train.jsonl", rows).ok());
  ASSERT_TRUE(WriteFileAtomic(world_.at("glue") + "/sst2.valid.jsonl", rows).ok());
  const std::string kept = world_.at("kept"), merged = world_.at("merged");
  ::testing::internal::CaptureStdout();
  const Status glue = Run(Words(
      {"glue", folder_, world_.at("glue"), "--seeds", "5", "--epochs", "3", "--adapters", kept}));
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("over 1 seeds  accuracy"));
  ASSERT_TRUE(glue.ok()) << glue.message();
  const Status adapt = AdaptCommand(Words({"adapt", folder_, kept + "/sst2/seed-5", merged}));
  ASSERT_TRUE(adapt.ok()) << adapt.message();
  EXPECT_TRUE(PathExists(merged + "/tokenizer.json"));

  const std::vector<int32_t> ids = {1, 2, 3, 4, 5};
  const std::vector<float> plain = network_->Logits(ids, true);
  const auto lora = Lora::Attach(*network_, ReadLoraConfig(kept + "/sst2/seed-5").value()).value();
  ASSERT_TRUE(lora->Load(kept + "/sst2/seed-5").ok());
  const std::vector<float> adapted = network_->Logits(ids, true),
                           stored = LoadNetwork(merged, "cpu").value()->Logits(ids, true);
  EXPECT_NE(adapted, plain);
  for (size_t i = 0; i < adapted.size(); ++i) ASSERT_NEAR(stored[i], adapted[i], 1e-5);
}

TEST_F(CommandsTest, NumbersHaveRanges) {
  const auto generate = [&](const std::string& option, const std::string& value) {
    return Run(Words({"generate", folder_, "the", "--" + option, value})).message();
  };
  EXPECT_EQ(generate("threads", "0"), "--threads: must be in 1 .. 1024, is 0");
  EXPECT_EQ(generate("threads", "100000"), "--threads: must be in 1 .. 1024, is 100000");
  EXPECT_EQ(generate("threads", "two"), "--threads: \"two\" is not a whole number");
  EXPECT_THAT(generate("tokens", "1000000000"),
              HasSubstr("tokens: must be in 1 .. 100000, is 1000000000"));
  EXPECT_EQ(generate("temperature", "nan"), "--temperature: must be finite, is nan");
  EXPECT_EQ(Run(Words({"evaluate", folder_, world_.at("shards"), "--threads", "0"})).message(),
            "--threads: must be in 1 .. 1024, is 0");
  EXPECT_EQ(Run(Words({"blimp", folder_, world_.at("blimp"), "--pairs", "-1"})).message(),
            "--pairs: must be at least 0, is -1");
}

TEST_F(CommandsTest, BlimpPrintsEachParadigmAndTheMean) {
  ASSERT_TRUE(WriteFileAtomic(world_.MakeFolderAt("blimp") + "/order.jsonl",
                              R"({"sentence_good": "the cat", "sentence_bad": "the cat"})")
                  .ok());
  ::testing::internal::CaptureStdout();
  const Status status = Run(Words({"blimp", folder_, world_.at("blimp")}));
  const std::string printed = ::testing::internal::GetCapturedStdout();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(printed, ::testing::MatchesRegex("order +100.00\nmean of 1 paradigms +100.00\n"));
}

TEST_F(CommandsTest, GenerateChecksItsOptions) {
  ::testing::internal::CaptureStdout();
  ASSERT_TRUE(Run(Words({"generate", folder_, "the cat", "--tokens", "2", "--json"})).ok());
  EXPECT_EQ(Json::parse(::testing::internal::GetCapturedStdout())["prompt"], "the cat");
  const auto error = [&](const std::string& option, const std::string& value) {
    return Run(Words({"generate", folder_, "the cat", option, value})).message();
  };
  EXPECT_THAT(error("--tokens", "0"), HasSubstr("generate.tokens: must be in 1 .. 100000, is 0"));
  EXPECT_THAT(error("--temperature", "-1"), HasSubstr("generate.temperature"));
  EXPECT_THAT(error("--top-p", "0"), HasSubstr("generate.top_p: must be above 0 and at most 1"));
}

TEST_F(CommandsTest, EvaluatePrintsJsonAndTakesTheFieldsOfARecipe) {
  const std::string shards = world_.at("data.tales");
  const auto loss = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"evaluate", folder_, shards, "--json"};
    words.insert(words.end(), more.begin(), more.end());
    ::testing::internal::CaptureStdout();
    const Status status = Run(Words(words));
    EXPECT_TRUE(status.ok()) << status.message();
    return Json::parse(::testing::internal::GetCapturedStdout())["all"]["loss"].get<double>();
  };
  EXPECT_NE(loss({}), loss({"--last-label", "copy_input"}));
  EXPECT_THAT(Run(Words({"evaluate", folder_, shards, "--average", "mean"})).message(),
              HasSubstr("evaluate.average: expected token_mean or batch_mean, found \"mean\""));
}

TEST_F(CommandsTest, SaysHowItIsCalled) {
  EXPECT_THAT(Run(Words({"blimp", folder_})).message(),
              HasSubstr("a checkpoint folder and a folder of BLiMP's files"));
  EXPECT_THAT(Run(Words({"glue", folder_})).message(), HasSubstr("a folder of task files"));
  EXPECT_THAT(Run(Words({"glue", folder_, world_.MakeFolderAt("empty")})).message(),
              HasSubstr("empty has no file of a task of GLUE or SuperGLUE"));
  EXPECT_THAT(AdaptCommand(Words({"adapt", folder_})).message(),
              HasSubstr("a folder of adapters and a new folder"));
  EXPECT_THAT(Run(Words({"glue", folder_, folder_, "--seeds", "3,x"})).message(),
              HasSubstr("--seeds: x is no whole number"));
  EXPECT_THAT(Run(Words({"glue", folder_, folder_, "--tasks", "colla"})).message(),
              HasSubstr("found \"colla\"; did you mean cola?"));
}

}  // namespace
}  // namespace braid::trainer
