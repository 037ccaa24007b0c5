// Trainings with Muon, at a rate that is stable and falls at the end.
#include "tests/trainer/loop/train_fixture.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class MuonTrainTest : public TrainTest {
 protected:
  task::Task Muon(const std::string& name) { return Muon(name, world_.Composite()); }
  task::Task Muon(const std::string& name, const model::ModelSpec& model) {
    task::Task task = world_.TrainTask(name, model);
    task.spec["train"]["optimizer"] = {{"kind", "muon"}, {"lr", 1e-2}};
    task.spec["train"].update({{"lr_schedule", "wsd"}, {"lr_decay_fraction", 0.5}});
    return task;
  }
  static Json State(const task::Task& task) {
    return ReadJsonFile(JoinPath(task.output, "model/state.json")).value();
  }
};

TEST_F(MuonTrainTest, Learns) {
  const task::Task task = Muon("a", world_.Dense("m"));
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  EXPECT_LT(channel.metrics.at(12)["loss"].get<double>(),
            channel.metrics.at(1)["loss"].get<double>() - 0.3);
  // Warm-up of two steps, stable to step 6 (the first is 1 here), then a line to 0 after step 12.
  EXPECT_DOUBLE_EQ(channel.metrics.at(1)["lr"].get<double>(), 5e-3);
  EXPECT_DOUBLE_EQ(channel.metrics.at(7)["lr"].get<double>(), 1e-2);
  EXPECT_DOUBLE_EQ(channel.metrics.at(12)["lr"].get<double>(), 1e-2 / 6);
  const auto file =
      storage::SafetensorsFile::Open(JoinPath(task.output, "model/optimizer.safetensors")).value();
  EXPECT_NE(file.Find("momentum.blocks.1.ffn.down.weight"), nullptr);
  EXPECT_EQ(file.Find("m.blocks.1.ffn.down.weight"), nullptr);
  EXPECT_NE(file.Find("m.head.weight"), nullptr);
}

TEST_F(MuonTrainTest, StoppedAndResumedHasTheBitsOfAnUndisturbedRun) {
  const task::Task whole = Muon("whole");
  ASSERT_TRUE(Run(whole).ok());
  for (const int64_t step : {4, 8}) {  // while the rate is stable, and while it falls
    task::Task first = Muon("first" + std::to_string(step));
    RecordingChannel channel(first.work);
    channel.stop_after = step;
    EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
    task::Task second = Muon("second" + std::to_string(step));
    second.resume = channel.checkpoints().at(step);
    ASSERT_TRUE(Run(second).ok());
    EXPECT_EQ(Bits(second), Bits(whole)) << step;
  }
}

TEST_F(MuonTrainTest, AGangOfTwoTrainsAsOneDoes) {
  const task::Task one = Muon("one");
  RecordingChannel alone(one.work), two(world_.at("two"));
  ASSERT_TRUE(RunTrainJob(one, alone).ok());
  TrainTwoRanks([&](const std::string& name) { return Muon(name); }, &two);
  ASSERT_EQ(two.metrics.size(), 12u);
  for (int64_t step = 1; step <= 12; ++step) {
    EXPECT_NEAR(two.metrics.at(step)["loss"].get<double>(),
                alone.metrics.at(step)["loss"].get<double>(), 2e-4)
        << step;
  }
}

// What both keep goes on, the rest begins anew; and back again.
TEST_F(MuonTrainTest, AStartOfAnotherOptimizerGivesWhatBothKeep) {
  task::Task adamw = Muon("adamw");
  adamw.spec["train"]["optimizer"].erase("kind");
  ASSERT_TRUE(Run(adamw).ok());
  task::Task muon = Muon("muon");
  muon.inputs["init"] = JoinPath(adamw.output, "model");
  muon.spec["train"]["steps"] = 2;
  ASSERT_TRUE(Run(muon).ok());
  EXPECT_EQ(State(muon)["steps"]["embed.weight"], 14);
  EXPECT_EQ(State(muon)["steps"]["parallel.0.share.weight"], 14);
  EXPECT_EQ(State(muon)["steps"]["large.0.attn.q.weight"], 2);
  task::Task back = Muon("back");
  back.spec["train"]["optimizer"].erase("kind");
  back.inputs["init"] = JoinPath(muon.output, "model");
  back.spec["train"]["steps"] = 1;
  ASSERT_TRUE(Run(back).ok());
  EXPECT_EQ(State(back)["steps"]["embed.weight"], 15);
  EXPECT_EQ(State(back)["steps"]["large.0.attn.q.weight"], 1);
  EXPECT_FALSE(State(back).contains("states"));
}

TEST_F(MuonTrainTest, ACheckpointOfAnotherOptimizerIsNotResumed) {
  task::Task first = Muon("first");
  RecordingChannel channel(first.work);
  channel.stop_after = 4;
  EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
  task::Task second = Muon("second");
  second.spec["train"]["optimizer"].erase("kind");
  second.resume = channel.checkpoints().at(4);
  EXPECT_THAT(Error(second), HasSubstr("the checkpoint is of another optimizer"));
}

}  // namespace
}  // namespace braid::trainer
