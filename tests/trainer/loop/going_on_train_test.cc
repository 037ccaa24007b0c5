// Trainings that are made longer: input `continue`.
#include "schema/read.h"
#include "tests/trainer/loop/train_fixture.h"
#include "trainer/loop/going_on.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class GoingOnTest : public TrainTest {
 protected:
  // A constant rate, validated every five steps, over an end of an epoch.
  task::Task Long(const std::string& name, int64_t steps) {
    task::Task task = NewTask(name);
    task.spec["train"].update({{"lr_schedule", "constant"}, {"steps", steps}, {"epochs", 9}});
    return task;
  }
  // `task` from the model of `first` on.
  task::Task Continued(task::Task task, const task::Task& first) {
    task.inputs["continue"] = JoinPath(first.output, "model");
    return task;
  }
  // Trained for five steps; fails if it cannot be.
  task::Task First(Json train = Json::object()) {
    task::Task task = Long("first", 5);
    task.spec["train"].update(train);
    EXPECT_TRUE(Run(task).ok());
    return task;
  }
};

TEST_F(GoingOnTest, HasTheBitsOfOneLongTraining) {
  for (const char* tail : {"drop", "carry"}) {
    const std::string suffix = tail;
    task::Task whole = Long("whole" + suffix, 40), half = Long("half" + suffix, 20);
    task::Task second = Long("second" + suffix, 40);
    for (task::Task* task : {&whole, &half, &second}) task->spec["train"]["accum_tail"] = tail;
    ASSERT_TRUE(Run(whole).ok());
    ASSERT_TRUE(Run(half).ok());
    second = Continued(second, half);
    RecordingChannel channel(second.work);
    ASSERT_TRUE(RunTrainJob(second, channel).ok());
    EXPECT_EQ(channel.metrics.begin()->first, 21);
    EXPECT_GT(channel.metrics.at(40)["epoch"], channel.metrics.at(21)["epoch"]);
    std::vector<std::string> bits = Bits(second), expected = Bits(whole);
    // All files but the summary, which says what another job has done.
    EXPECT_EQ(channel.result["continued"],
              (Json{{"steps", 20}, {"tokens", 20 * 8 * SmallWorld::kSequence}}));
    bits.pop_back();
    expected.pop_back();
    EXPECT_EQ(bits, expected);
  }
}

TEST_F(GoingOnTest, StoppedAndResumedHasTheSameBits) {
  const task::Task first = First();
  const task::Task whole = Continued(Long("whole", 12), first);
  ASSERT_TRUE(Run(whole).ok());
  for (const int64_t step : {7, 9}) {
    task::Task stopped = Continued(Long("stopped" + std::to_string(step), 12), first);
    RecordingChannel channel(stopped.work);
    channel.stop_after = step;
    EXPECT_EQ(RunTrainJob(stopped, channel).code(), StatusCode::kCancelled);
    task::Task resumed = Continued(Long("resumed" + std::to_string(step), 12), first);
    resumed.resume = channel.checkpoints().at(step);
    ASSERT_TRUE(Run(resumed).ok());
    EXPECT_EQ(Bits(resumed), Bits(whole));
  }
}

// A checkpoint from before the decay goes on as if it had never been meant to end.
TEST_F(GoingOnTest, WsdGoesOnFromBeforeItsDecay) {
  const Json wsd = {{"lr_schedule", "wsd"}, {"lr_decay_fraction", 0.5}};
  task::Task first = Long("first", 10), whole = Long("whole", 20), second = Long("second", 20);
  for (task::Task* task : {&first, &whole, &second}) task->spec["train"].update(wsd);
  RecordingChannel channel(first.work);
  ASSERT_TRUE(RunTrainJob(first, channel).ok());
  second.inputs["continue"] = channel.checkpoints().at(4);
  ASSERT_TRUE(Run(second).ok());
  ASSERT_TRUE(Run(whole).ok());
  EXPECT_EQ(Bits(second)[0], Bits(whole)[0]);
}

TEST_F(GoingOnTest, ContinueKeepsTheRateAndDecaysOverWhatIsLeftAtMost) {
  const task::Task first = First({{"warmup_steps", 0}});
  task::Task task = Continued(Long("on", 9), first);
  task.spec["train"].update(
      {{"lr_schedule", "continue"}, {"warmup_steps", 0}, {"lr_decay_fraction", 0.9}});
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  // Step 6 is the first of four; the decay of 0.9 would have begun with the second step of nine.
  for (const int64_t step : {6, 7, 8, 9}) {
    EXPECT_DOUBLE_EQ(channel.metrics.at(step)["lr"].get<double>(),
                     3e-3 * static_cast<double>(10 - step) / 4)
        << step;
  }
  task = Continued(Long("warm", 9), first);
  task.spec["train"].update({{"lr_schedule", "continue"}, {"warmup_steps", 2}});
  EXPECT_THAT(Error(task), HasSubstr("spec.train.warmup_steps: lr_schedule continue keeps the rate "
                                     "of the training that goes on, which needs no warm-up"));
}

TEST_F(GoingOnTest, AnotherTrainingIsRefused) {
  const task::Task first = First();
  int made = 0;
  const auto error = [&](const Json& patch, int64_t steps = 12) {
    task::Task task = Continued(Long("other" + std::to_string(++made), steps), first);
    task.spec.merge_patch(patch);
    return Error(task);
  };
  EXPECT_EQ(
      error({{"train", {{"batch", 8}, {"accumulate", 1}}}, {"seed", 6}}),
      "input \"continue\": a training goes on with the same text in the same order and with "
      "the same optimizer: seed, which the model's name decides too, was 5 (of the text 6) and "
      "is 6, train.accumulate was 2 and is 1, train.batch was 4 and is 8; give what it was, or "
      "begin a new training with its "
      "weights (start)");
  EXPECT_THAT(error({{"data", {{"sources", {{{"role", "data.tales"}, {"share", "paths"}}}}}}}),
              HasSubstr("corpora was tales (all), sums (all) and is tales (paths), split.paths was "
                        "not given"));
  EXPECT_THAT(error({{"train", {{"optimizer", {{"kind", "muon"}}}}}}),
              HasSubstr("train.optimizer.kind was not given and is muon;"));
  EXPECT_THAT(error(Json::object(), 5),
              HasSubstr("it has done 5 steps, and train.steps ends the training after 5; give "
                        "more: what was done counts"));
  EXPECT_THAT(error({{"train", {{"tokens", 640}}}}),
              HasSubstr("it has done 640 tokens, and train.tokens ends the training after 640"));
  EXPECT_THAT(error({{"train", {{"tokens", 700}}}}),
              HasSubstr("it has done 5 steps, and the whole training has 5; give more epochs, "
                        "steps or tokens"));
  EXPECT_THAT(error({{"train", {{"average", {{"last", 3}, {"every", 4}}}}}}),
              HasSubstr("train.average reaches back to step 4, and it has done 5; lower"));
  Json sums = ReadJsonFile(world_.at("data.sums/shards.json")).value();
  sums["sources"] = {{{"file", "a"}, {"sha256", "b"}}};
  ASSERT_TRUE(WriteJsonFile(world_.at("data.sums/shards.json"), sums).ok());
  EXPECT_THAT(error(Json::object()),
              HasSubstr("the text of sums is not that on which it was "
                        "trained (other files, caps, samples or tokenizer)"));
}

TEST_F(GoingOnTest, OtherSettingsHoldFromThereOn) {
  task::Task task = Continued(Long("other", 12), First());
  // What reads all of the text does not depend on how it is divided.
  task.spec["data"]["split"]["paths"] = 0.5;
  task.spec["train"].update({{"clip", 0.5}, {"validate", {{"steps", 3}}}});
  EXPECT_TRUE(Run(task).ok());
  const Json state = ReadJsonFile(JoinPath(task.output, "model/state.json")).value();
  const auto was = schema::FromJson<spec::TrainingNote>(state["training"], "state").value();
  task.spec["train"]["clip"] = 1;
  EXPECT_EQ(spec::OtherSettings(was, schema::FromJson<spec::TrainTask>(task.spec, "spec").value()),
            "train.clip was 0.5 and is 1.0");
}

TEST_F(GoingOnTest, ACheckpointWithoutATrainingIsRefused) {
  const task::Task mean = First({{"average", {{"last", 2}}}});
  EXPECT_THAT(Error(Continued(Long("mean", 12), mean)),
              HasSubstr("its weights are the mean of 2 states (train.average), from which no "
                        "training goes on; give a checkpoint from before its end"));
  const std::string path = JoinPath(mean.output, "model/state.json");
  Json state = ReadJsonFile(path).value();
  state.erase("training");
  ASSERT_TRUE(WriteJsonFile(path, state).ok());
  EXPECT_THAT(Error(Continued(Long("old", 12), mean)),
              HasSubstr("input \"continue\": it does not say how it was trained: it was imported "
                        "or merged, or comes from a version of braid that did not note it"));
}

TEST_F(GoingOnTest, TheNamesOfFilesDoNotTellShardsApart) {
  corpus::Shards shards = corpus::Shards::Open(world_.at("data.sums")).value();
  shards.description["sources"] = {{{"file", "a"}, {"sha256", "b"}}};
  const std::string digest = DigestOf(shards);
  shards.description["sources"][0]["file"] = "renamed";
  EXPECT_EQ(DigestOf(shards), digest);
  shards.description["sources"][0]["sha256"] = "c";
  EXPECT_NE(DigestOf(shards), digest);
}

}  // namespace
}  // namespace braid::trainer
