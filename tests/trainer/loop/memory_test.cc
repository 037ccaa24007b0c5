#include "trainer/loop/memory.h"

#include <gmock/gmock.h>

#include "tests/trainer/small_world.h"
#include "trainer/kernels/fault.h"

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

model::ModelSpec OneGigabyte() {
  model::ModelSpec spec;
  spec.name = "large";
  spec.vocab = 1024;
  spec.pad_id = 1023;
  spec.sequence = 32;
  spec.dense = {"large", 2048, 16, 5, 8192};
  return spec;
}

TEST(MemoryTest, NeedsAreThoseOfTheFlatBuffers) {
  const model::ModelSpec spec = OneGigabyte();
  const MemoryNeeds training = NeedsOf(spec, braid::spec::OptimizerKind::kAdamW),
                    reading = NeedsOf(spec, std::nullopt);
  EXPECT_GE(training.parameters, 4 * model::ParameterCount(spec));
  EXPECT_LT(training.parameters, 4 * model::ParameterCount(spec) + (1 << 20));
  EXPECT_EQ(training.gradients, training.parameters);
  EXPECT_EQ(training.moments, 2 * training.parameters);
  EXPECT_EQ(reading.parameters, training.parameters);
  // One float for each element of a matrix in a block, two for the others.
  EXPECT_LT(NeedsOf(spec, braid::spec::OptimizerKind::kMuon).moments,
            training.parameters * 11 / 10);
  EXPECT_GT(NeedsOf(spec, braid::spec::OptimizerKind::kMuon).moments, training.parameters);
  EXPECT_EQ(reading.moments, 0);
  EXPECT_EQ(training.average, 0);
  EXPECT_EQ(NeedsOf(spec, braid::spec::OptimizerKind::kAdamW, /*averages=*/true).average,
            training.parameters);
}

TEST(MemoryTest, ATrainingIsToldItsSizesAndWhatToDo) {
  SmallWorld world;
  task::Task task = world.TrainTask("t", world.Dense("m"));
  const Status explained = ExplainMemory(OutOfMemory("1.0 GiB more could not be had on the CPU"),
                                         task);
  EXPECT_EQ(explained.reason(), "OUT_OF_MEMORY");
  EXPECT_EQ(explained.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(
      explained.message(),
      AllOf(HasSubstr("out of memory: 1.0 GiB more could not be had on the CPU; model m takes "),
            HasSubstr(" for parameters, "), HasSubstr(" for gradients, "),
            HasSubstr(" for moments and the intermediate values of "),
            HasSubstr("lower train.batch (a larger train.accumulate makes up for it)")));
}

TEST(MemoryTest, TheMeanOfTheWeightsCounts) {
  SmallWorld world;
  task::Task task = world.TrainTask("t", world.Dense("m"));
  task.spec["train"]["average"] = {{"last", 2}};
  EXPECT_THAT(ExplainMemory(OutOfMemory("x"), task).message(),
              HasSubstr("67.2 KiB for parameters, 67.2 KiB for gradients, 134.5 KiB for moments, "
                        "67.2 KiB for the average of the weights and the intermediate values"));
}

TEST(MemoryTest, EachTeacherCountsOnce) {
  SmallWorld world;
  const auto teacher = Network::Create(world.Dense("m"), "cpu").value();
  task::Task task = world.TrainTask("t", world.Dense("m"));
  task.inputs["parent.m"] = world.WriteModel("teacher", *teacher);
  task.spec["train"]["teachers"] = Json::object();
  task.spec["lessons"] = {{{"teacher", "parent.m"}, {"data", "data.tales"}},
                          {{"teacher", "parent.m"}, {"data", "data.sums"}}};
  EXPECT_THAT(ExplainMemory(OutOfMemory("x"), task).message(),
              HasSubstr("134.5 KiB for moments, 67.2 KiB for teachers and the intermediate"));
}

TEST(MemoryTest, OtherErrorsAndOtherTasksStayWhatTheyAre) {
  SmallWorld world;
  task::Task task = world.TrainTask("t", world.Dense("m"));
  EXPECT_EQ(ExplainMemory(InvalidArgument("no"), task).message(), "no");
  task.kind = "evaluate";
  task.inputs.erase("model");
  EXPECT_EQ(ExplainMemory(OutOfMemory("x"), task).message(), "out of memory: x")
      << "nothing is known of its model";
  EXPECT_EQ(ExplainMemory(OutOfMemory("x"), "/nowhere").message(), "out of memory: x");
}

}  // namespace
}  // namespace braid::trainer
