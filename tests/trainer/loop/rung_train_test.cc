// Trainings that are done in parts, which end at the rungs of a sweep: `until` and input `rung`.
#include "tests/trainer/loop/train_fixture.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class RungTest : public TrainTest {
 protected:
  // A falling rate, which shows where the schedule is, over an end of an epoch.
  task::Task Whole(const std::string& name) {
    task::Task task = NewTask(name);
    task.spec["train"].update(
        {{"steps", 20}, {"epochs", 9}, {"lr_schedule", "cosine"}, {"warmup_steps", 3}});
    return task;
  }
  // Up to this part of it, from where another one ended.
  task::Task Part(task::Task task, double until, const task::Task* before = nullptr) {
    if (until < 1) task.spec["until"] = until;
    if (before != nullptr) task.inputs["rung"] = JoinPath(before->output, "model");
    return task;
  }
  int64_t StepsOf(const task::Task& task) {
    return ReadJsonFile(JoinPath(task.output, "model/state.json")).value()["step"].get<int64_t>();
  }
  std::string File(const task::Task& task, const char* name) {
    return ReadFile(JoinPath(task.output, name)).value();
  }
};

TEST_F(RungTest, PartsHaveTheBitsOfTheWhole) {
  // The mean of the last ten states begins within the second part.
  for (const char* tail : {"drop", "carry"}) {
    const std::string suffix = tail;
    std::vector<task::Task> tasks;
    for (const char* name : {"whole", "first", "second", "third"}) {
      tasks.push_back(Whole(name + suffix));
      tasks.back().spec["train"].update({{"accum_tail", tail}, {"average", {{"last", 10}}}});
    }
    ASSERT_TRUE(Run(tasks[0]).ok());
    tasks[1] = Part(tasks[1], 0.2);
    ASSERT_TRUE(Run(tasks[1]).ok());
    EXPECT_EQ(StepsOf(tasks[1]), 4);
    tasks[2] = Part(tasks[2], 0.7, &tasks[1]);
    ASSERT_TRUE(Run(tasks[2]).ok());
    EXPECT_EQ(StepsOf(tasks[2]), 14);
    tasks[3] = Part(tasks[3], 1, &tasks[2]);
    RecordingChannel channel(tasks[3].work);
    ASSERT_TRUE(RunTrainJob(tasks[3], channel).ok());
    EXPECT_EQ(channel.metrics.begin()->first, 15) << "no step is done twice";
    for (const char* file : {"model/model.safetensors", "model/optimizer.safetensors",
                             "model/state.json", "model/config.json"})
      EXPECT_EQ(File(tasks[3], file), File(tasks[0], file)) << file << ", " << tail;
  }
}

// The end of a part is validated, so that there is something to compare it by.
TEST_F(RungTest, APartEndsWithItsLoss) {
  task::Task task = Part(Whole("first"), 0.4);
  task.spec["train"]["validate"] = {{"steps", 100}};
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  EXPECT_TRUE(channel.result["final"].contains("validation/tales"));
  EXPECT_EQ(channel.result["steps"], 8);
  // The rate is that of the whole training: 3 of 20 steps are its warm-up, and 8 are half-way down.
  task::Task whole = Whole("whole");
  RecordingChannel all(whole.work);
  ASSERT_TRUE(RunTrainJob(whole, all).ok());
  EXPECT_EQ(channel.metrics.at(8)["lr"], all.metrics.at(8)["lr"]);
}

TEST_F(RungTest, StoppedAndResumedAPartHasTheSameBits) {
  const task::Task first = Part(Whole("first"), 0.25);
  ASSERT_TRUE(Run(first).ok());
  const task::Task second = Part(Whole("second"), 0.75, &first);
  ASSERT_TRUE(Run(second).ok());
  task::Task stopped = Part(Whole("stopped"), 0.75, &first);
  RecordingChannel channel(stopped.work);
  channel.stop_after = 9;
  EXPECT_EQ(RunTrainJob(stopped, channel).code(), StatusCode::kCancelled);
  task::Task resumed = Part(Whole("resumed"), 0.75, &first);
  resumed.resume = channel.checkpoints().at(9);
  ASSERT_TRUE(Run(resumed).ok());
  EXPECT_EQ(Bits(resumed), Bits(second));
}

TEST_F(RungTest, APartHasOneStepAtLeast) {
  const task::Task task = Part(Whole("first"), 1e-6);
  ASSERT_TRUE(Run(task).ok());
  EXPECT_EQ(StepsOf(task), 1);
  // A rung at the same step has nothing to do.
  const task::Task again = Part(Whole("again"), 1e-5, &task);
  ASSERT_TRUE(Run(again).ok());
  EXPECT_EQ(Bits(again), Bits(task));
}

TEST_F(RungTest, AnotherTrainingIsRefused) {
  const task::Task first = Part(Whole("first"), 0.25);
  ASSERT_TRUE(Run(first).ok());
  task::Task other = Part(Whole("other"), 1, &first);
  other.spec["train"]["optimizer"]["lr"] = 1e-4;
  EXPECT_THAT(Error(other), HasSubstr("is a checkpoint of a training with other settings"));
  other = Whole("wrong");
  other.spec["until"] = 1.5;
  EXPECT_THAT(Error(other), HasSubstr("spec.until: must be"));
}

}  // namespace
}  // namespace braid::trainer
