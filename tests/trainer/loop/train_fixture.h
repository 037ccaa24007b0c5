// Trainings of small models on a small world, alone and by a gang of two.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <thread>

#include "tests/trainer/small_world.h"
#include "trainer/loop/train.h"

namespace braid::trainer {

// The files that must be the same, bit for bit, whatever happened on the way.
inline std::vector<std::string> Bits(const task::Task& task) {
  std::vector<std::string> files;
  for (const char* name : {"model/model.safetensors", "model/optimizer.safetensors",
                           "model/state.json", "model/config.json", "model/tokenizer.json",
                           "history/history.jsonl", "history/summary.json"}) {
    files.push_back(ReadFile(JoinPath(task.output, name)).value());
  }
  return files;
}

class TrainTest : public ::testing::Test {
 protected:
  task::Task NewTask(const std::string& name) { return world_.TrainTask(name, world_.Dense("m")); }
  Status Run(const task::Task& task) {
    RecordingChannel channel(task.work);
    return RunTrainJob(task, channel);
  }
  std::string Error(const task::Task& task) {
    const Status status = Run(task);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
    return status.message();
  }
  // One run, undisturbed.
  task::Task Whole() {
    const task::Task task = NewTask("whole");
    EXPECT_TRUE(Run(task).ok());
    return task;
  }
  // `task_of(name)` trained by a gang of two; what rank 0 said is in `channel`.
  void TrainTwoRanks(const std::function<task::Task(const std::string&)>& task_of,
                     RecordingChannel* channel) {
    std::vector<std::thread> ranks;
    RecordingChannel second(world_.at("two"));
    for (int64_t rank = 0; rank < 2; ++rank) {
      ranks.emplace_back([&, rank] {
        task::Task task = task_of("two" + std::to_string(rank));
        task.rank = rank;
        task.world = 2;
        EXPECT_TRUE(RunTrainJob(task, rank == 0 ? *channel : second).ok());
      });
    }
    for (std::thread& rank : ranks) rank.join();
  }

  SmallWorld world_;
};

}  // namespace braid::trainer
