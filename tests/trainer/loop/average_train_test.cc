// Trainings that end with the mean of the weights of their last updates.
#include "tests/trainer/loop/train_fixture.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class AverageTrainTest : public TrainTest {
 protected:
  // Its states are those behind steps 8, 10 and 12.
  task::Task Averaging(const std::string& name) {
    task::Task task = NewTask(name);
    task.spec["train"]["average"] = {{"last", 3}, {"every", 2}};
    task.spec["train"]["lr_schedule"] = "constant";
    return task;
  }
  std::vector<float> WeightsIn(const std::string& folder) {
    const model::ModelSpec spec = world_.Dense("m");
    const Layout layout = MakeLayout(spec);
    const auto states = FindOptimizer(spec::OptimizerKind::kAdamW).states(layout);
    return ReadCheckpoint(folder, spec, layout, states).value().snapshot.p;
  }
};

TEST_F(AverageTrainTest, TheModelIsTheMeanOfItsLastStates) {
  const task::Task averaging = Averaging("a");
  RecordingChannel channel(averaging.work);
  ASSERT_TRUE(RunTrainJob(averaging, channel).ok());
  // The same training without an average, stopped behind each of the states.
  std::vector<double> sum;
  for (const int64_t step : {8, 10, 12}) {
    task::Task plain = NewTask("plain" + std::to_string(step));
    plain.spec["train"]["lr_schedule"] = "constant";
    RecordingChannel stopping(plain.work);
    if (step < 12) stopping.stop_after = step;
    EXPECT_EQ(RunTrainJob(plain, stopping).ok(), step == 12);
    const std::vector<float> weights = WeightsIn(step < 12 ? stopping.checkpoints().at(step)
                                                           : JoinPath(plain.output, "model"));
    sum.resize(weights.size());
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += weights[i];
    // Until the end the steps are the same.
    EXPECT_EQ(channel.metrics.at(step)["loss"], stopping.metrics.at(step)["loss"]);
    if (step == 12) {
      EXPECT_NE(channel.metrics.at(12)["validation/all"], stopping.metrics.at(12)["validation/all"])
          << "what is validated is the model that is kept";
    }
  }
  const std::vector<float> mean = WeightsIn(JoinPath(averaging.output, "model"));
  for (size_t i = 0; i < sum.size(); ++i) ASSERT_NEAR(mean[i], sum[i] / 3, 1e-6) << i;
  EXPECT_FALSE(PathExists(JoinPath(averaging.output, "model/average.safetensors")));
}

TEST_F(AverageTrainTest, StoppedAndResumedHasTheBitsOfAnUndisturbedRun) {
  const task::Task whole = Averaging("whole");
  ASSERT_TRUE(Run(whole).ok());
  for (const int64_t step : {5, 9, 11}) {  // before the first state, and behind one and two
    task::Task first = Averaging("first" + std::to_string(step));
    RecordingChannel channel(first.work);
    channel.stop_after = step;
    EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
    const std::string checkpoint = channel.checkpoints().at(step);
    EXPECT_EQ(PathExists(checkpoint + "/average.safetensors"), step > 8);
    task::Task second = Averaging("second" + std::to_string(step));
    second.resume = checkpoint;
    ASSERT_TRUE(Run(second).ok());
    EXPECT_EQ(Bits(second), Bits(whole)) << step;
  }
}

TEST_F(AverageTrainTest, AGangOfTwoEndsWithTheMeanOfEveryRank) {
  const task::Task one = Averaging("one");
  RecordingChannel alone(one.work), two(world_.at("two"));
  ASSERT_TRUE(RunTrainJob(one, alone).ok());
  TrainTwoRanks([&](const std::string& name) { return Averaging(name); }, &two);
  // Both ranks validate, each its half of the sequences.
  EXPECT_NEAR(two.metrics.at(12)["validation/all"].get<double>(),
              alone.metrics.at(12)["validation/all"].get<double>(), 1e-5);
}

TEST_F(AverageTrainTest, AMeanThatReachesBackBehindTheStartIsRefused) {
  task::Task task = Averaging("long");
  task.spec["train"]["average"] = {{"last", 4}, {"every", 4}};
  EXPECT_EQ(Error(task),
            "train.average: the last 4 states, every 4 steps, reach back 12 steps, and the "
            "training has 12; lower last or every");
  task.spec["train"]["average"] = {{"every", 4}};
  EXPECT_THAT(Error(task), HasSubstr("spec.train.average.every: is of an average; give last too"));
}

// `continue`: the rate of the last step of the start.
class ContinuedTrainTest : public TrainTest {
 protected:
  // A constant rate of 2e-3 for 4 steps; the folder of its model.
  std::string Start() {
    task::Task task = NewTask("start");
    task.spec["train"].update({{"lr_schedule", "constant"}, {"warmup_steps", 0}, {"steps", 4}});
    task.spec["train"]["optimizer"]["lr"] = 2e-3;
    EXPECT_TRUE(Run(task).ok());
    return JoinPath(task.output, "model");
  }
  task::Task Continued(const std::string& name, const std::string& start) {
    task::Task task = NewTask(name);
    task.inputs["init"] = start;
    task.spec["train"].update(
        {{"lr_schedule", "continue"}, {"warmup_steps", 0}, {"lr_decay_fraction", 0.25}});
    return task;
  }
};

TEST_F(ContinuedTrainTest, GoesOnAtTheRateOfItsStartAndFallsOnceAtTheEnd) {
  const std::string start = Start();
  EXPECT_EQ(ReadJsonFile(start + "/state.json").value()["rate"], 2e-3);
  const task::Task task = Continued("on", start);
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  for (const int64_t step : {1, 5, 10})
    EXPECT_DOUBLE_EQ(channel.metrics.at(step)["lr"].get<double>(), 2e-3) << step;
  EXPECT_DOUBLE_EQ(channel.metrics.at(11)["lr"].get<double>(), 2e-3 * 2 / 3);
  EXPECT_DOUBLE_EQ(channel.metrics.at(12)["lr"].get<double>(), 2e-3 / 3);

  // The bits are those of `wsd` with that rate, and those of a run that was stopped.
  task::Task named = Continued("named", start);
  named.spec["train"]["lr_schedule"] = "wsd";
  named.spec["train"]["optimizer"]["lr"] = 2e-3;
  ASSERT_TRUE(Run(named).ok());
  EXPECT_EQ(Bits(named)[0], Bits(task)[0]);
  task::Task first = Continued("first", start);
  RecordingChannel stopping(first.work);
  stopping.stop_after = 7;
  EXPECT_EQ(RunTrainJob(first, stopping).code(), StatusCode::kCancelled);
  task::Task second = Continued("second", start);
  second.resume = stopping.checkpoints().at(7);
  ASSERT_TRUE(Run(second).ok());
  EXPECT_EQ(Bits(second), Bits(task));
}

// A cosine, or a decay, ends at exactly 0, and nothing could be learned from there on.
TEST_F(ContinuedTrainTest, AStartThatHasDecayedToNothingIsRefused) {
  task::Task decayed = NewTask("decayed");
  decayed.spec["train"].update({{"lr_schedule", "wsd"}, {"steps", 4}});
  ASSERT_TRUE(Run(decayed).ok());
  const std::string folder = JoinPath(decayed.output, "model");
  EXPECT_EQ(ReadJsonFile(folder + "/state.json").value()["rate"], 0);
  EXPECT_THAT(Error(Continued("on", folder)),
              HasSubstr("its start, or of one of its parents, ended, and that is 0; give another "
                        "lr_schedule"));
}

TEST_F(ContinuedTrainTest, StaysAtTheRateWithoutADecay) {
  task::Task task = Continued("on", Start());
  task.spec["train"]["lr_decay_fraction"] = 0;
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  EXPECT_DOUBLE_EQ(channel.metrics.at(12)["lr"].get<double>(), 2e-3);
}

TEST_F(ContinuedTrainTest, ARateThatIsNotKnownIsAnErrorThatSaysWhatToDo) {
  const std::string start = Start();
  task::Task task = Continued("a", start);
  task.inputs.erase("init");
  EXPECT_THAT(Error(task), HasSubstr("spec.train.lr_schedule: continue begins at the rate at which "
                                     "the training of input \"init\" ended, and there is no such "
                                     "input; give another lr_schedule (constant, wsd or cosine)"));
  task = Continued("b", start);
  task.spec["train"]["lr_min"] = 1e-2;
  EXPECT_THAT(Error(task),
              HasSubstr("spec.train.lr_min: is 0.01, above the rate 0.002 at which the "
                        "training of its start ended"));
  Json state = ReadJsonFile(start + "/state.json").value();
  state.erase("rate");
  ASSERT_TRUE(WriteJsonFile(start + "/state.json", state).ok());
  EXPECT_THAT(
      Error(Continued("c", start)),
      HasSubstr("input \"init\" was imported, or comes from a version of braid that did not "
                "note it; give another lr_schedule"));
}

}  // namespace
}  // namespace braid::trainer
