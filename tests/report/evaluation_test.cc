// evaluation.json, with the fields that parts of the report bring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "report/input/blimp.h"
#include "report/input/dual.h"
#include "report/input/glue.h"
#include "report/input/mean_score.h"
#include "report/input/routing.h"
#include "report/parts/part.h"
#include "tests/base/mutations.h"

namespace braid::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EvaluationTest : public testing::Test {
 protected:
  EvaluationTest()
      : folder_(std::move(TemporaryFolder::Create()).value()),
        json_({{"name", "m"}, {"model", {{"kind", "dense"}, {"parameters", 10}}}}) {}

  Result<Evaluation> Read() {
    const std::string file = JoinPath(folder_.path(), "evaluation.json");
    EXPECT_TRUE(WriteJsonFile(file, json_).ok());
    return ReadEvaluation(file, EvaluationFields());
  }

  Evaluation MustRead() {
    Result<Evaluation> evaluation = Read();
    EXPECT_TRUE(evaluation.ok()) << evaluation.status().message();
    return std::move(evaluation).value();
  }

  template <typename T>
  T MustMeasure() {
    const Evaluation evaluation = MustRead();
    const T* measured = evaluation.measured.Find<T>();
    EXPECT_NE(measured, nullptr);
    return measured == nullptr ? T() : *measured;
  }

  std::string Error() {
    const Result<Evaluation> evaluation = Read();
    EXPECT_FALSE(evaluation.ok());
    return evaluation.status().message();
  }

  // Eleven tasks, all of score 50, five seeds with deviation 2; the named ones with one seed.
  static Json Glue(const std::set<std::string>& one_seed = {}) {
    Json tasks = Json::object();
    for (const std::string task : {"cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte",
                                   "boolq", "wsc", "multirc"}) {
      const bool one = one_seed.contains(task);
      tasks[task] = {{"score", 50.0},
                     {"deviation", one ? 0.0 : 2.0},
                     {"metric", "accuracy"},
                     {"seeds", one ? Json{50.0} : Json{48, 49, 50, 51, 52}}};
    }
    return {{"tasks", tasks}, {"glue", 50.0}, {"superglue", 50.0}};
  }

  TemporaryFolder folder_;
  Json json_;
};

TEST_F(EvaluationTest, EveryPartMayBeAbsent) {
  const Evaluation evaluation = MustRead();
  EXPECT_EQ(evaluation.parameters, 10);
  EXPECT_TRUE(evaluation.losses.empty());
  EXPECT_EQ(evaluation.measured.Find<Blimp>(), nullptr);
  EXPECT_EQ(evaluation.measured.Find<struct Glue>(), nullptr);
  EXPECT_EQ(evaluation.measured.Find<Routing>(), nullptr);
  EXPECT_EQ(evaluation.measured.Find<Dual>(), nullptr);
  EXPECT_FALSE(MeanScore(evaluation).has_value());
}

TEST_F(EvaluationTest, NoValueOfAnyTypeThrows) {
  json_["loss"] = {{"all",
                    {{"loss", 5.0},
                     {"perplexity", 150.0},
                     {"tokens", 10},
                     {"groups", {{"loss", {5.0}}, {"tokens", {10}}}}}}};
  json_["blimp"] = {{"mean", 60.0}, {"paradigms", {{"a", 60.0}}}};
  json_["glue"] = {
      {"tasks",
       {{"cola", {{"score", 50.0}, {"deviation", 1.0}, {"metric", "mcc"}, {"seeds", {48, 52}}}}}},
      {"glue", 50.0}};
  json_["routing"] = {{"prompts", {{{"text", "Once"}, {"correct", 1}, {"decisions", {{2, 2, 1}}}}}},
                      {"summary", {{"shares", {50, 50}}, {"decisions", 6}}},
                      {"text", {{"stories", {{"shares", {60.0, 40.0}}, {"decisions", 300}}}}}};
  json_["samples"] = {{{"prompt", "a"}, {"text", "b"}}};
  const Json whole = json_;
  ForEachMutation(whole, [&](const Json& mutated, const std::string& what) {
    json_ = mutated;
    EXPECT_NO_THROW((void)Read().status()) << what;
  });
}

TEST_F(EvaluationTest, FieldsOfANewerTrainerAreLetPass) {
  json_["calibration"] = {{"error", 0.1}};
  json_["blimp"] = {{"mean", 60.0}, {"median", 61.0}};
  EXPECT_DOUBLE_EQ(MustMeasure<Blimp>().mean.value, 60);
}

TEST_F(EvaluationTest, ANameOrAModelThatIsMissingIsAnError) {
  json_.erase("name");
  EXPECT_THAT(Error(), HasSubstr("evaluation.json.name: is missing"));
  json_ = {{"name", "m"}};
  EXPECT_THAT(Error(), HasSubstr("evaluation.json.model: is missing"));
  json_ = Json::array({1});
  EXPECT_THAT(Error(), HasSubstr("evaluation.json: expected an object"));
}

TEST_F(EvaluationTest, TheIntervalOfBlimpIsThatOfItsPairs) {
  json_["blimp"] = {
      {"mean", 70.0}, {"paradigms", {{"island", 60.0}, {"passive", 80.0}}}, {"pairs", 2000}};
  const Blimp blimp = MustMeasure<Blimp>();
  EXPECT_DOUBLE_EQ(blimp.mean.value, 70);
  // Half of sqrt(0.6 0.4 / 1000 + 0.8 0.2 / 1000), in per cent, times 1.96; the four pairs added
  // change it in the third digit.
  EXPECT_NEAR(blimp.mean.HalfWidth(), 1.96 * 100 * 0.5 * std::sqrt(0.24 / 1000 + 0.16 / 1000),
              0.01);
}

TEST_F(EvaluationTest, NoiseSeedsWidenTheIntervalOfBlimp) {
  json_["blimp"] = {{"mean", 60.0}, {"paradigms", {{"island", 60.0}}}, {"pairs", 1000}};
  const double quiet = MustMeasure<Blimp>().mean.variance;
  json_["blimp"].update({{"seeds", {58, 59, 60, 61, 62}}, {"deviation", 1.5}});
  EXPECT_NEAR(MustMeasure<Blimp>().mean.variance - quiet, 1.5 * 1.5 / 5, 1e-12);
}

TEST_F(EvaluationTest, BlimpMustBeInPerCentAndAgreeWithItself) {
  json_["blimp"] = {{"mean", 70.0}, {"paradigms", {{"island", 60.0}}}, {"pairs", 1000}};
  EXPECT_THAT(Error(),
              HasSubstr("blimp.mean: is 70.0000, but the paradigms have a mean of 60.0000"));
  json_["blimp"] = {{"mean", 170.0}};
  EXPECT_THAT(Error(), HasSubstr("blimp.mean: expected per cent, 0 to 100, found 170"));
  json_["blimp"] = {{"mean", "high"}};
  EXPECT_THAT(Error(), HasSubstr("blimp.mean: expected a number, found \"high\""));
  json_["blimp"] = {{"mean", 60.0}, {"paradigms", {{"island", -3}}}};
  EXPECT_THAT(Error(), HasSubstr("blimp.paradigms.island: expected per cent"));
  json_["blimp"] = 3;
  EXPECT_THAT(Error(), HasSubstr("blimp: expected an object"));
}

TEST_F(EvaluationTest, GlueTakesItsIntervalFromTheSeeds) {
  json_["glue"] = Glue();
  const struct Glue glue = MustMeasure<struct Glue>();
  EXPECT_DOUBLE_EQ(glue.tasks.at("cola").score.variance, 4.0 / 5);
  EXPECT_DOUBLE_EQ(glue.glue->variance, 4.0 / 5 / 8);
  EXPECT_DOUBLE_EQ(glue.glue->freedom, 32);
  EXPECT_DOUBLE_EQ(glue.superglue->variance, 4.0 / 5 / 3);
}

TEST_F(EvaluationTest, ATaskWithOneSeedTakesTheLargestSpreadOfTheOthers) {
  json_["glue"] = Glue({"qqp"});
  const struct Glue glue = MustMeasure<struct Glue>();
  EXPECT_DOUBLE_EQ(glue.tasks.at("qqp").score.variance, 4);
  EXPECT_LT(glue.tasks.at("qqp").deviation, 0);
  EXPECT_DOUBLE_EQ(glue.glue->variance, (7 * 0.8 + 4) / 64);
}

TEST_F(EvaluationTest, SeedsWithoutADeviationAndTasksOfAWrongShapeAreErrors) {
  json_["glue"] = Glue();
  json_["glue"]["tasks"]["cola"].erase("deviation");
  EXPECT_THAT(
      Error(),
      HasSubstr("glue.tasks.cola.deviation: expected the standard deviation over the seeds"));
  json_["glue"] = Glue();
  json_["glue"]["tasks"]["rte"]["score"] = "good";
  EXPECT_THAT(Error(), HasSubstr("glue.tasks.rte.score: expected a number, found \"good\""));
  json_["glue"] = Glue();
  json_["glue"]["tasks"]["rte"]["seeds"] = 3;
  EXPECT_THAT(Error(), HasSubstr("glue.tasks.rte.seeds: expected a list"));
  json_["glue"] = {{"tasks", Json::array()}};
  EXPECT_THAT(Error(), HasSubstr("glue.tasks: expected an object"));
}

TEST_F(EvaluationTest, TheMeanScoreNeedsAllThree) {
  Json paradigms = Json::object();
  for (int i = 0; i < 67; ++i) paradigms["paradigm " + std::to_string(i)] = 62.0;
  json_["blimp"] = {{"mean", 62.0}, {"paradigms", paradigms}, {"pairs", 67000}};
  json_["glue"] = Glue();
  const Evaluation evaluation = MustRead();
  EXPECT_NEAR(MeanScore(evaluation)->value, (62.0 + 50 + 50) / 3, 1e-9);
  EXPECT_TRUE(MeanScore(evaluation)->has_interval());
  json_["glue"]["superglue"] = nullptr;
  EXPECT_FALSE(MeanScore(MustRead()).has_value());
}

TEST_F(EvaluationTest, APartOfBlimpHasNoPlaceInTheMeanScore) {
  json_["blimp"] = {{"mean", 62.0}, {"paradigms", {{"island", 62.0}}}, {"pairs", 1000}};
  json_["glue"] = Glue();
  EXPECT_TRUE(MustMeasure<Blimp>().partial());
  EXPECT_FALSE(MeanScore(MustRead()).has_value());
}

TEST_F(EvaluationTest, SharesOfNoDecisionAreLeftOut) {
  const Json none = {{"shares", {0.0, 0.0, 0.0}}, {"decisions", 0}};
  json_["routing"] = {{"summary", none},
                      {"clean", none},
                      {"text", {{"stories", {{"shares", {60.0, 40.0, 0.0}}, {"decisions", 300}}}}}};
  const Routing routing = MustMeasure<Routing>();
  EXPECT_FALSE(routing.summary.has_value());
  EXPECT_FALSE(routing.clean.has_value());
  EXPECT_EQ(routing.text.size(), 1u);
}

TEST_F(EvaluationTest, RoutingCountsTheDecisionsThatCanBeRight) {
  json_["routing"] = {
      {"prompts",
       {{{"text", "Once"}, {"correct", 1}, {"decisions", {{2, 2, 1}}}},
        {{"text", "?"}, {"correct", 0}, {"decisions", {{1, 1, 3}}}}}},
      {"summary", {{"shares", {50.0, 33.3, 16.7}}, {"decisions", 6}, {"correct", 33.3}}},
      {"text", {{"stories", {{"shares", {60.0, 40.0, 0.0}}, {"decisions", 300}}}}}};
  const Routing routing = MustMeasure<Routing>();
  EXPECT_THAT(routing.prompts[0].decisions, ElementsAre(ElementsAre(2, 2, 1)));
  EXPECT_EQ(routing.summary->decisions, 6);
  EXPECT_EQ(routing.summary->judged, 3);
  EXPECT_FALSE(routing.text.at("stories").correct.has_value());
}

TEST_F(EvaluationTest, RoutingOfTwoPassesHasBoth) {
  const Json noisy = {{"shares", {60.0, 40.0, 0.0}},
                      {"decisions", 300},
                      {"clean", {{"shares", {50.0, 50.0, 0.0}}, {"decisions", 300}}}};
  json_["routing"] = {{"noise", true},
                      {"text", {{"stories", noisy}}},
                      {"prompts",
                       {{{"text", "Once"},
                         {"correct", 1},
                         {"decisions", {{2, 1}}},
                         {"clean_decisions", {{1, 1}}}}}}};
  Routing routing = MustMeasure<Routing>();
  EXPECT_EQ(routing.noisy, true);
  EXPECT_THAT(routing.text.at("stories").shares, ElementsAre(60, 40, 0));
  EXPECT_THAT(routing.clean_text.at("stories").shares, ElementsAre(50, 50, 0));
  EXPECT_THAT(routing.prompts[0].clean_decisions, ElementsAre(ElementsAre(1, 1)));
  json_["routing"].erase("noise");  // as before there was the field
  routing = MustMeasure<Routing>();
  EXPECT_FALSE(routing.noisy.has_value());
}

TEST_F(EvaluationTest, RoutingThatIsNotCountedFromOneOrNotInPerCentIsAnError) {
  json_["routing"] = {{"prompts", {{{"text", "Once"}, {"decisions", {{0, 1}}}}}}};
  EXPECT_THAT(Error(),
              HasSubstr("routing.prompts.0.decisions.0: expected choices counted from 1, found 0"));
  json_["routing"] = {{"summary", {{"shares", {50, 150}}}}};
  EXPECT_THAT(Error(),
              HasSubstr("routing.summary.shares.1: expected per cent, 0 to 100, found 150"));
  json_["routing"] = {{"text", {{"stories", {{"shares", "even"}}}}}};
  EXPECT_THAT(Error(), HasSubstr("routing.text.stories.shares: expected a list"));
  json_["routing"] = {{"prompts", {{{"correct", 1}}}}};
  EXPECT_THAT(Error(), HasSubstr("routing.prompts.0.text: is missing"));
}

TEST_F(EvaluationTest, InterventionsSayWhatTheyForceByFieldOrByName) {
  json_["dual"] = {
      {"interventions",
       {{{"name", "learned"}, {"gates", "learned"}, {"loss", {{"all", 3.0}}}},
        {{"name", "deep only"}, {"loss", {{"all", 7.0}}}},
        {{"name", "K = 5"}, {"gates", "learned"}, {"loss", {{"all", 3.1}}}},
        {{"name", "x"}, {"loops", 2}, {"gates", "shuffled"}, {"change", {{"all", 0.5}}}}}}};
  const std::vector<Intervention> read = MustMeasure<Dual>().interventions;
  EXPECT_EQ(read[1].gates, spec::GateRule::kDeep);
  EXPECT_DOUBLE_EQ(read[1].change.at("all"), 4);
  EXPECT_EQ(read[2].loops, 5);
  EXPECT_NEAR(read[2].change.at("all"), 0.1, 1e-12);
  EXPECT_EQ(read[3].gates, spec::GateRule::kShuffled);
  EXPECT_DOUBLE_EQ(read[3].change.at("all"), 0.5);
}

TEST_F(EvaluationTest, ReadOutsKeepTheCorpusAndTheClassTheyStandUnder) {
  json_["dual"] = {
      {"layers", {{{"place", "blocks.0"}, {"deep_share", 0.4}, {"tokens", 10}}}},
      {"readouts", {{"stories", {{"NUM", {{{"place", "blocks.0"}, {"deep_share", 0.6}}}}}}}}};
  const Dual dual = MustMeasure<Dual>();
  EXPECT_DOUBLE_EQ(dual.layers[0].values.at("deep_share"), 0.4);
  ASSERT_EQ(dual.readouts.size(), 1u);
  EXPECT_THAT(dual.readouts[0].labels,
              ElementsAre(std::pair<std::string, std::string>("corpus", "stories"),
                          std::pair<std::string, std::string>("class", "NUM"),
                          std::pair<std::string, std::string>("place", "blocks.0")));
}

TEST_F(EvaluationTest, DualResultsOfAWrongTypeAreErrors) {
  json_["dual"] = {{"layers", 4}};
  EXPECT_THAT(Error(), HasSubstr("dual.layers: expected a list"));
  json_["dual"] = {{"interventions", {{{"name", "x"}, {"loss", {{"all", "low"}}}}}}};
  EXPECT_THAT(Error(), HasSubstr("dual.interventions.0.loss.all: expected a number"));
  json_["dual"] = {{"interventions", {{{"name", "x"}, {"gates", "half"}}}}};
  EXPECT_THAT(Error(), HasSubstr("dual.interventions.0.gates: is \"half\", but must be one of"));
  json_["dual"] = {{"layers", {{{"place", "blocks.0"}, {"deep_share", true}}}}};
  EXPECT_THAT(Error(),
              HasSubstr("dual.layers.0.deep_share: expected a number or a string, found true"));
}

TEST_F(EvaluationTest, GroupsOfLossesAreChecked) {
  json_["loss"]["tales"] = {{"loss", 2.0},
                            {"perplexity", 7.4},
                            {"tokens", 10},
                            {"groups", {{"loss", {1.0, 2.0}}, {"tokens", {5}}}}};
  EXPECT_THAT(Error(), HasSubstr("loss.tales.groups: loss and tokens are not of as many groups"));
  json_["loss"]["tales"]["groups"] = {{"loss", {"low"}}, {"tokens", {5}}};
  EXPECT_THAT(Error(), HasSubstr("loss.tales.groups.loss: expected a number"));
}

TEST_F(EvaluationTest, SamplesAndSpecsAreChecked) {
  json_["samples"] = {
      {{"prompt", "Once"}, {"text", " upon"}, {"next", {{{"token", " a"}, {"probability", 0.5}}}}}};
  EXPECT_TRUE(Read().ok());
  json_["samples"] = {{{"prompt", "Once"}, {"text", " upon"}, {"next", {{{"token", " a"}}}}}};
  EXPECT_THAT(Error(), HasSubstr("samples.0.next.0.probability: is missing"));
  json_["samples"] = {{{"prompt", "Once"}}};
  EXPECT_THAT(Error(), HasSubstr("samples.0.text: is missing"));
  json_["samples"] = "none";
  EXPECT_THAT(Error(), HasSubstr("samples: expected a list"));
  json_.erase("samples");
  json_["model"]["spec"] = {{"kind", "round"}};
  EXPECT_THAT(Error(), HasSubstr("model.spec"));
}

}  // namespace
}  // namespace braid::report
