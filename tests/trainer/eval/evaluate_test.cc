#include "trainer/eval/evaluate.h"

#include <gmock/gmock.h>

#include <cmath>

#include "corpus/dataset.h"
#include "tests/trainer/small_world.h"

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
    task_.inputs = {{"model", world_.WriteModel("model", *network_)}, {"tokenizer", world_.at("tokenizer")},
                    {"data.tales", world_.at("data.tales")}, {"data.sums", world_.at("data.sums")}};
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
    return RunEvaluateJob(task_, channel).message();
  }

  // Sum of losses of a corpus by the definition, one sequence after the other, in double precision.
  std::pair<double, int64_t> Reference(const std::string& corpus, int64_t sequences) {
    const auto shards = corpus::Shards::Open(world_.at("data." + corpus)).value();
    const auto vocab = static_cast<size_t>(world_.tokenizer().vocab());
    double sum = 0;
    int64_t targets = 0;
    std::vector<int32_t> ids(SmallWorld::kSequence);
    for (int64_t i = 0; i < std::min(sequences, corpus::ValidationSequences(shards, SmallWorld::kSequence)); ++i) {
      corpus::ReadValidation(shards, SmallWorld::kSequence, i, ids.data());
      const std::vector<float> logits = network_->Logits(ids, false);
      for (size_t t = 0; t + 1 < ids.size(); ++t, ++targets) {
        double total = 0;
        for (size_t v = 0; v < vocab; ++v) total += std::exp(static_cast<double>(logits[t * vocab + v]));
        sum += std::log(total) - logits[t * vocab + static_cast<size_t>(ids[t + 1])];
      }
    }
    return {sum, targets};
  }

  SmallWorld world_;
  std::unique_ptr<Network> network_;
  task::Task task_;
};

TEST_F(EvaluateTest, LossAndPerplexityOfEachCorpusAndOfAll) {
  const Json loss = Evaluate()["loss"];
  const auto [tales, tales_targets] = Reference("tales", 1000);
  const auto [sums, sums_targets] = Reference("sums", 1000);
  EXPECT_EQ(loss["tales"]["tokens"], tales_targets);
  EXPECT_NEAR(loss["tales"]["loss"].get<double>(), tales / static_cast<double>(tales_targets), 1e-5);
  EXPECT_NEAR(loss["sums"]["loss"].get<double>(), sums / static_cast<double>(sums_targets), 1e-5);
  const double all = (tales + sums) / static_cast<double>(tales_targets + sums_targets);
  EXPECT_NEAR(loss["all"]["loss"].get<double>(), all, 1e-5);
  EXPECT_NEAR(loss["all"]["perplexity"].get<double>(), std::exp(all), 1e-2);
}

TEST_F(EvaluateTest, AFewSequencesAndSamples) {
  task_.spec["loss"]["sequences"] = 2;
  task_.spec["generate"] = {{"prompts", {"the cat", "one and"}}, {"tokens", 4}};
  const Json evaluation = Evaluate();
  EXPECT_EQ(evaluation["loss"]["tales"]["tokens"], 2 * 15);
  EXPECT_NEAR(evaluation["loss"]["tales"]["loss"].get<double>(), Reference("tales", 2).first / 30, 1e-5);
  ASSERT_EQ(evaluation["samples"].size(), 2u);
  EXPECT_EQ(evaluation["samples"][1]["prompt"], "one and");
  EXPECT_EQ(evaluation["samples"][1]["next"].size(), 5u);
  EXPECT_EQ(evaluation["model"]["kind"], "composite");
}

TEST_F(EvaluateTest, RefusesOtherTokenizersAndTooLittleText) {
  world_.WriteShards("foreign", "tales", 3, std::string(64, 'f'));
  task_.inputs["data.tales"] = world_.at("foreign");
  EXPECT_THAT(Error(), HasSubstr("corpus tales was tokenised with ffffffffffff"));

  task_.inputs["data.tales"] = world_.at("data.tales");
  task_.spec["sequence"] = 5000;
  EXPECT_THAT(Error(), HasSubstr("raise validation.documents"));

  corpus::BpeTrainer other;
  other.Add("other words make other merges, other merges make other digests");
  ASSERT_TRUE(WriteJsonFile(world_.MakeFolderAt("other") + "/tokenizer.json", other.Train(260).value()).ok());
  task_.inputs["tokenizer"] = world_.at("other");
  EXPECT_THAT(Error(), HasSubstr("model composite was trained with tokenizer " + world_.tokenizer().digest().substr(0, 12)));
}

}  // namespace
}  // namespace braid::trainer
