// Trainings with products of bf16 (train.precision).
#include <gmock/gmock.h>

#include <cmath>

#include "tests/trainer/loop/train_fixture.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Bf16TrainTest : public TrainTest {
 protected:
  task::Task Task(const std::string& name, int64_t steps = 12) {
    task::Task task = NewTask(name);
    task.spec["train"]["precision"] = "bf16";
    task.spec["train"]["steps"] = steps;
    return task;
  }
  // The final values of a training.
  Json Final(const task::Task& task) {
    RecordingChannel channel(task.work);
    EXPECT_TRUE(RunTrainJob(task, channel).ok());
    return channel.result["final"];
  }
};

// The largest distance with the four instruction sets of a Zen 5 was 0.0002.
TEST_F(Bf16TrainTest, EndsWhereATrainingOfFp32Does) {
  task::Task plain = NewTask("plain");
  task::Task rounded = Task("rounded");
  for (task::Task* task : {&plain, &rounded}) {
    task->spec["train"]["epochs"] = 40;
    task->spec["train"]["steps"] = 200;
  }
  const Json exact = Final(plain), own = Final(rounded);
  for (const char* value : {"validation/tales", "validation/sums"}) {
    // 5.6 is what one of 271 entries by chance has.
    EXPECT_LT(exact[value].get<double>(), std::log(271.0) - 1) << "it has learned something";
    EXPECT_NEAR(own[value].get<double>(), exact[value].get<double>(), 0.01) << value;
    EXPECT_NE(own[value], exact[value]) << "nothing was rounded";
  }
}

TEST_F(Bf16TrainTest, IsResumedWithItsBitsAndSaysItsPrecision) {
  const task::Task whole = Task("whole");
  ASSERT_TRUE(Run(whole).ok());
  const Json state = ReadJsonFile(whole.output + "/model/state.json").value();
  EXPECT_THAT(state["instruction_set"].get<std::string>(), EndsWith(" bf16"));
  EXPECT_EQ(state["instruction_set"], InstructionSet(spec::Precision::kBf16));

  const task::Task first = Task("first");
  RecordingChannel channel(first.work);
  channel.stop_after = 6;
  EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
  task::Task second = Task("second");
  second.resume = channel.checkpoints().at(6);
  ASSERT_TRUE(Run(second).ok());
  EXPECT_EQ(Bits(second), Bits(whole));

  task::Task other = NewTask("other");
  other.resume = channel.checkpoints().at(6);
  EXPECT_THAT(Error(other), HasSubstr("is a checkpoint of a training with other settings"));
}

TEST_F(Bf16TrainTest, SaysWhereItIsSlow) {
  constexpr char kSlow[] =
      "train.precision is bf16, and this processor has no instruction for it (avx512_bf16), or "
      "BRAID_ISA forbids it: the training is right, but slower than in fp32. Choose hosts with "
      "avx512_bf16 by labels, or set precision: fp32";
  for (const SimdKernels* kernels : UsableSimdKernels()) {
    const ScopedSimd simd(*kernels);
    testing::internal::CaptureStderr();
    ASSERT_TRUE(Run(Task(kernels->name, 1)).ok());
    const std::string said = testing::internal::GetCapturedStderr();
    if (kernels->multiplies_bf16) {
      EXPECT_THAT(said, Not(HasSubstr("train.precision is bf16")));
    } else {
      EXPECT_THAT(said, HasSubstr(kSlow)) << kernels->name;
    }
  }
}

TEST_F(Bf16TrainTest, IsNotForGpus) {
  task::Task task = Task("gpu");
  task.device = Device::kCuda;
  EXPECT_EQ(Error(task),
            "spec.train: precision: bf16 works on device: cpu only; for a training on a GPU "
            "set precision: fp32");
}

}  // namespace
}  // namespace braid::trainer
