#include "trainer/loop/checkpoint_writer.h"

#include <gmock/gmock.h>

#include "tests/trainer/full_disk.h"
#include "tests/trainer/small_world.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointWriterTest : public ::testing::Test {
 protected:
  CheckpointWriterTest()
      : network_(Network::Create(world_.Dense("m"), "cpu").value()), channel_(world_.at("keys")) {}

  void Write(CheckpointWriter& writer, int64_t step) {
    OptimizerSnapshot snapshot;
    snapshot.p.assign(static_cast<size_t>(network_->layout().size), static_cast<float>(step));
    for (const StateLayout& state :
         FindOptimizer(spec::OptimizerKind::kAdamW).states(network_->layout()))
      snapshot.state.push_back({state, snapshot.p});
    TrainState state;
    state.step = step;
    writer.Begin(std::move(snapshot), state, "");
    ASSERT_TRUE(writer.Finish().ok());
    EXPECT_EQ(writer.last_written(), step);
  }
  std::vector<std::string> Kept() const { return ListFolder(folder_).value(); }

  SmallWorld world_;
  const std::string folder_ = world_.at("checkpoints");
  std::unique_ptr<Network> network_;
  RecordingChannel channel_;
};

TEST_F(CheckpointWriterTest, ByHandTheLastTwoStay) {
  CheckpointWriter writer(folder_, *network_, channel_);
  for (const int64_t step : {1, 2, 3}) Write(writer, step);
  EXPECT_THAT(Kept(), ElementsAre("step-2", "step-3"));
  EXPECT_EQ(channel_.checkpoints().size(), 3u);
  EXPECT_EQ(channel_.checkpoints().at(3), folder_ + "/step-3");
}

TEST_F(CheckpointWriterTest, WithAWorkerAllStayUntilTheyAreStoredElsewhere) {
  channel_.worker = true;
  CheckpointWriter writer(folder_, *network_, channel_);
  for (const int64_t step : {1, 2, 3, 4}) Write(writer, step);
  EXPECT_THAT(Kept(), ElementsAre("step-1", "step-2", "step-3", "step-4"));
  channel_.stored = 2;
  Write(writer, 5);
  EXPECT_THAT(Kept(), ElementsAre("step-3", "step-4", "step-5"));
  channel_.stored = 6;
  Write(writer, 6);  // the newest stays whatever is stored
  EXPECT_THAT(Kept(), ElementsAre("step-6"));
}

TEST_F(CheckpointWriterTest, NoMoreThanTwoWaitForTheWorker) {
  CheckpointWriter writer(folder_, *network_, channel_);
  for (const int64_t step : {1, 2, 3}) Write(writer, step);
  EXPECT_FALSE(writer.behind()) << "nobody takes them over";
  channel_.worker = true;
  channel_.stored = 3;
  Write(writer, 4);
  EXPECT_FALSE(writer.behind());
  Write(writer, 5);
  EXPECT_TRUE(writer.behind());
  channel_.stored = 4;
  EXPECT_FALSE(writer.behind());
}

TEST_F(CheckpointWriterTest, AFullDiskLeavesNothingOfACheckpoint) {
  CheckpointWriter writer(folder_, *network_, channel_);
  Write(writer, 1);
  OptimizerSnapshot snapshot;
  snapshot.p.assign(static_cast<size_t>(network_->layout().size), 0);
  for (const StateLayout& state :
       FindOptimizer(spec::OptimizerKind::kAdamW).states(network_->layout()))
    snapshot.state.push_back({state, snapshot.p});
  TrainState state;
  state.step = 2;
  Status status;
  {
    const FullDisk full(1000);
    writer.Begin(std::move(snapshot), state, "");
    status = writer.Finish();
  }
  EXPECT_EQ(status.reason(), "STORAGE_FULL") << status.message();
  EXPECT_THAT(Kept(), ElementsAre("step-1"));
}

TEST_F(CheckpointWriterTest, AnErrorIsToldOnceAndNamesStepAndFile) {
  ASSERT_TRUE(WriteFileAtomic(folder_, "a file where the folder should be").ok());
  CheckpointWriter writer(folder_, *network_, channel_);
  OptimizerSnapshot snapshot;
  snapshot.p.assign(static_cast<size_t>(network_->layout().size), 0);
  for (const StateLayout& state :
       FindOptimizer(spec::OptimizerKind::kAdamW).states(network_->layout()))
    snapshot.state.push_back({state, snapshot.p});
  TrainState state;
  state.step = 3;
  writer.Begin(snapshot, state, "");
  const Status status = writer.Finish();
  EXPECT_THAT(status.message(), HasSubstr("checkpoint of step 3"));
  EXPECT_THAT(status.message(), HasSubstr(folder_));
  EXPECT_TRUE(writer.TakeError().ok());
  EXPECT_EQ(writer.last_written(), 0);
  EXPECT_TRUE(channel_.checkpoints().empty());
}

}  // namespace
}  // namespace braid::trainer
