// What a composite trains of itself: frozen paths, and moments that it begins with.
#include "tests/trainer/loop/train_fixture.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class JointTrainTest : public TrainTest {
 protected:
  // The tensors of a stored model whose names have `part`.
  static std::map<std::string, std::vector<float>> Tensors(const std::string& file,
                                                           const std::string& part) {
    const auto stored = storage::SafetensorsFile::Open(file).value();
    std::map<std::string, std::vector<float>> tensors;
    for (const storage::TensorEntry& entry : stored.tensors()) {
      if (entry.name.find(part) == std::string::npos) continue;
      int64_t count = 1;
      for (const int64_t extent : entry.shape) count *= extent;
      const float* data = stored.Floats(entry.name, entry.shape).value();
      tensors[entry.name].assign(data, data + count);
    }
    return tensors;
  }
  std::string Start() {
    const auto network = Network::Create(world_.Composite(), "cpu").value();
    network->Initialize(8);
    return world_.WriteModel("start", *network);
  }
  task::Task Joint(const std::string& name, const std::string& start, int64_t freeze) {
    task::Task task = world_.TrainTask(name, world_.Composite());
    task.inputs["init"] = start;
    task.spec["train"]["freeze_paths"] = freeze;
    return task;
  }
};

TEST_F(JointTrainTest, FrozenPathsKeepTheirBits) {
  const std::string start = Start();
  const task::Task task = Joint("a", start, -1);
  ASSERT_TRUE(Run(task).ok());
  const std::string end = JoinPath(task.output, "model/model.safetensors");
  EXPECT_EQ(Tensors(end, ".path."), Tensors(start + "/model.safetensors", ".path."));
  EXPECT_EQ(Tensors(end, ".path.").size(), 36u);
  for (const char* part : {"share", "large", "embed", "head", "shrink"}) {
    EXPECT_NE(Tensors(end, part), Tensors(start + "/model.safetensors", part)) << part;
  }
}

TEST_F(JointTrainTest, PathsThawAndAResumedRunKnowsTheirAges) {
  const std::string start = Start();
  const task::Task whole = Joint("whole", start, 5);
  ASSERT_TRUE(Run(whole).ok());
  const Json ages = ReadJsonFile(JoinPath(whole.output, "model/state.json")).value()["steps"];
  EXPECT_EQ(ages["parallel.1.path.0.attn.q.weight"], 7);
  EXPECT_EQ(ages["parallel.1.share.weight"], 12);
  for (const int64_t step : {3, 8}) {
    task::Task first = Joint("first" + std::to_string(step), start, 5);
    RecordingChannel channel(first.work);
    channel.stop_after = step;
    EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
    const std::string checkpoint = channel.checkpoints().at(step);
    EXPECT_EQ(Tensors(checkpoint + "/model.safetensors", ".path.") ==
                  Tensors(start + "/model.safetensors", ".path."),
              step == 3);
    task::Task second = Joint("second" + std::to_string(step), start, 5);
    second.resume = checkpoint;
    ASSERT_TRUE(Run(second).ok());
    EXPECT_EQ(Bits(second), Bits(whole)) << step;
  }
}

TEST_F(JointTrainTest, AStartWithMomentsGoesOnWithThem) {
  const task::Task parent = world_.TrainTask("parent", world_.Composite());
  ASSERT_TRUE(Run(parent).ok());
  const std::string trained = JoinPath(parent.output, "model");
  const auto only = [&](const std::string& name) {
    task::Task task = Joint(name, trained, 0);
    task.spec["train"]["steps"] = 1;
    return task;
  };
  const task::Task on = only("on");
  ASSERT_TRUE(Run(on).ok());
  EXPECT_EQ(ReadJsonFile(JoinPath(on.output, "model/state.json")).value()["steps"]["norm.weight"],
            13);
  // Without the moments the same step is another one.
  ASSERT_TRUE(RemoveFile(trained + "/optimizer.safetensors").ok());
  const task::Task fresh = only("fresh");
  ASSERT_TRUE(Run(fresh).ok());
  EXPECT_EQ(
      ReadJsonFile(JoinPath(fresh.output, "model/state.json")).value()["steps"]["norm.weight"], 1);
  EXPECT_NE(Bits(fresh)[0], Bits(on)[0]);

  ASSERT_TRUE(CopyFile(trained + "/model.safetensors", trained + "/optimizer.safetensors").ok());
  EXPECT_THAT(Run(only("broken")).message(), HasSubstr("m.large.0.attn.q.weight"));
}

}  // namespace
}  // namespace braid::trainer
