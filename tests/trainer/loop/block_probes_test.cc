// What a training tells of the model's inside.
#include "trainer/loop/block_probes.h"

#include "corpus/dataset.h"
#include "tests/trainer/loop/train_fixture.h"
#include "tests/word.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

using TelemetryTest = TrainTest;

TEST_F(TelemetryTest, DualPathBlocksAreReadOutWithoutChangingTheTraining) {
  model::ModelSpec spec = world_.Dense("m");
  spec.dense = {"m", 16, 2, 2, 0, Word("dual_path")};
  spec.dense.dual.loops = 2;
  spec.dense.dual.ffn_deep = spec.dense.dual.ffn_wide = 24;
  task::Task plain = world_.TrainTask("plain", spec), read = world_.TrainTask("read", spec);
  read.spec["train"]["telemetry"] = {{"steps", 4}};
  RecordingChannel without(plain.work), with(read.work);
  ASSERT_TRUE(RunTrainJob(plain, without).ok());
  ASSERT_TRUE(RunTrainJob(read, with).ok());
  for (int64_t step = 1; step <= 12; ++step) {
    EXPECT_EQ(with.metrics.at(step)["loss"], without.metrics.at(step)["loss"]);
    EXPECT_EQ(with.metrics.at(step).contains("dual/blocks.1/deep_share"), step % 4 == 0) << step;
  }
  EXPECT_FALSE(without.metrics.at(4).contains("dual/blocks.0/gate_deep"));
  EXPECT_NEAR(with.metrics.at(4)["dual/blocks.0/gate_deep"].get<double>(), 0.5, 0.05);
  EXPECT_GT(with.metrics.at(4)["dual/blocks.0/expected_steps"].get<double>(), 1.0);
  for (const char* reading : {"norm_deep", "norm_wide", "norm_input", "step_router_1",
                              "scale_deep_2", "scale_wide", "gate_gap", "cosine"}) {
    EXPECT_TRUE(with.metrics.at(4).contains(std::string("dual/blocks.1/") + reading)) << reading;
  }
  // The read-outs are of all corpora, not of the first alone.
  const auto last = LoadNetwork(JoinPath(read.output, "model"), "cpu").value();
  double steps = 0;
  for (const char* corpus : {"tales", "sums"}) {
    const auto shards = corpus::Shards::Open(world_.at("data." + std::string(corpus))).value();
    const int64_t count = std::min<int64_t>(
        4, corpus::ValidationSequences(shards, SmallWorld::kSequence));
    std::vector<int32_t> ids(static_cast<size_t>(count * SmallWorld::kSequence));
    for (int64_t i = 0; i < count; ++i)
      corpus::ReadValidation(shards, SmallWorld::kSequence, i,
                             ids.data() + i * SmallWorld::kSequence);
    const auto blocks = last->Readouts(ids.data(), count, SmallWorld::kSequence);
    for (const float one : blocks[1].expected_steps)
      steps += one / static_cast<double>(ids.size()) / 2;
  }
  EXPECT_NEAR(with.metrics.at(12)["dual/blocks.1/expected_steps"].get<double>(), steps, 1e-5);
}

TEST_F(TelemetryTest, RoutersAreReadOutByPath) {
  model::ModelSpec spec = world_.Composite();
  spec.connection.kind = Word("routed");
  task::Task routed = world_.TrainTask("routed", spec);
  routed.spec["train"]["telemetry"] = {{"steps", 6}};
  RecordingChannel channel(routed.work);
  ASSERT_TRUE(RunTrainJob(routed, channel).ok());
  EXPECT_FALSE(channel.metrics.at(5).contains("routing/0/combined"));
  for (const char* layer : {"0", "1"}) {
    double sum = 0;
    for (const std::string& choice :
         {spec.paths[0].name, spec.paths[1].name, std::string("combined")}) {
      sum += channel.metrics.at(6)["routing/" + std::string(layer) + "/" + choice].get<double>();
    }
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

}  // namespace
}  // namespace braid::trainer
