// `match_rms`: what a joint phase does with the maps between the streams before its first step.
#include "trainer/loop/match_streams.h"

#include <cmath>

#include "tests/trainer/loop/train_fixture.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class MatchStreamsTest : public TrainTest {
 protected:
  MatchStreamsTest() {
    const auto network = Network::Create(world_.Composite(), "cpu").value();
    network->Initialize(8);
    start_ = world_.WriteModel("start", *network);
  }
  // A rate with which the weights hardly move, so that what is seen is what was matched.
  task::Task Joint(const std::string& name, bool match) {
    task::Task task = world_.TrainTask(name, world_.Composite());
    task.inputs["init"] = start_;
    task.spec["train"]["optimizer"]["lr"] = 1e-9;
    if (match) task.spec["train"]["match_rms"] = true;
    return task;
  }
  static std::vector<float> Tensor(const std::string& folder, const std::string& name) {
    const auto stored =
        storage::SafetensorsFile::Open(JoinPath(folder, "model.safetensors")).value();
    for (const storage::TensorEntry& entry : stored.tensors()) {
      if (entry.name != name) continue;
      const auto count = static_cast<size_t>(entry.shape[0] * entry.shape[1]);
      const float* data = stored.Floats(entry.name, entry.shape).value();
      return {data, data + count};
    }
    ADD_FAILURE() << name;
    return {};
  }
  static double Norm(const std::vector<float>& values) {
    double squares = 0;
    for (const float value : values) squares += static_cast<double>(value) * value;
    return std::sqrt(squares);
  }

  std::string start_;
};

TEST_F(MatchStreamsTest, ScalesTheMapsOnceAndNothingElse) {
  const task::Task plain = Joint("plain", false), matched = Joint("matched", true);
  ASSERT_TRUE(Run(plain).ok());
  ASSERT_TRUE(Run(matched).ok());
  const std::string was = JoinPath(plain.output, "model"), is = JoinPath(matched.output, "model");
  // N(0, 0.02) gives a small part of what it reads.
  EXPECT_GT(Norm(Tensor(is, "shrink.weight")), 3 * Norm(Tensor(was, "shrink.weight")));
  EXPECT_GT(Norm(Tensor(is, "parallel.0.share.weight")),
            3 * Norm(Tensor(was, "parallel.0.share.weight")));
  const std::vector<float> a = Tensor(was, "head.weight"), b = Tensor(is, "head.weight");
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-6) << i;

  // Whoever goes on does not scale them again.
  task::Task first = Joint("first", true);
  RecordingChannel channel(first.work);
  channel.stop_after = 5;
  EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
  task::Task second = Joint("second", true);
  second.resume = channel.checkpoints().at(5);
  ASSERT_TRUE(Run(second).ok());
  EXPECT_EQ(Bits(second), Bits(matched));
}

TEST_F(MatchStreamsTest, TwoRanksHaveTheSame) {
  // With muon each rank has weights of its own.
  const auto joint = [&](const std::string& name) {
    task::Task task = Joint(name, true);
    task.spec["train"]["optimizer"]["kind"] = "muon";
    return task;
  };
  const task::Task one = joint("one");
  RecordingChannel alone(one.work);
  ASSERT_TRUE(RunTrainJob(one, alone).ok());
  RecordingChannel first(world_.at("two"));
  TrainTwoRanks(joint, &first);
  for (const int64_t step : {1, 12}) {
    EXPECT_NEAR(first.metrics.at(step)["loss"].get<double>(),
                alone.metrics.at(step)["loss"].get<double>(), 2e-5);
  }
}

// The first outer step is from the matched weights on.
TEST_F(MatchStreamsTest, OuterStepsBeginBehindIt) {
  task::Task matched = Joint("matched", true), alone = Joint("alone", true);
  alone.spec["train"]["sync"] = {{"method", "diloco"}, {"every", 4}};
  ASSERT_TRUE(Run(matched).ok());
  ASSERT_TRUE(Run(alone).ok());
  for (const char* name : {"shrink.weight", "parallel.0.share.weight"}) {
    EXPECT_NEAR(Norm(Tensor(JoinPath(alone.output, "model"), name)) /
                    Norm(Tensor(JoinPath(matched.output, "model"), name)),
                1, 1e-3)
        << name;
  }
}

TEST_F(MatchStreamsTest, WhereThereIsNothingToMatchItIsRefused) {
  const auto error = [&](const std::string& name, const std::function<void(Json&)>& change) {
    task::Task task = Joint(name, true);
    change(task.spec["model"]);
    return Error(task);
  };
  EXPECT_EQ(error("a", [](Json& model) { model["connection"] = {{"kind", "slice"}}; }),
            "spec.train.match_rms: does nothing: in a slice composite each path keeps its own "
            "stream; leave it out");
  EXPECT_THAT(
      error("b", [](Json& model) { model["connection"]["norm"] = true; }),
      HasSubstr("spec.train.match_rms: a connection with norm sets the size of the stream"));
  EXPECT_THAT(error("c", [](Json& model) { model["connection"]["residual"] = true; }),
              HasSubstr("spec.train.match_rms: a connection with residual adds to a stream"));
  task::Task dense = NewTask("dense");
  dense.spec["train"]["match_rms"] = true;
  EXPECT_EQ(Error(dense), "spec.train.match_rms: model m has no maps between paths");
}

}  // namespace
}  // namespace braid::trainer
