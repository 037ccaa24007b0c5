// What a gang says of ranks that do not compute alike: their copies of the weights drift apart.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "base/process.h"
#include "tests/trainer/loop/train_fixture.h"
#include "trainer/kernels/simd/dispatch.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWarning[] = "the ranks do not have the same instruction set and threads";
// Of the second process: the folder in which the gang meets, and its train.precision.
constexpr char kGang[] = "BRAID_TEST_GANG";
constexpr char kPrecision[] = "BRAID_TEST_PRECISION";

class UnequalRanksTest : public TrainTest {
 protected:
  // Two steps as a rank of two; returns what the finished model says of the machine.
  std::string Train(int64_t rank, int64_t threads, const std::string& gang) {
    task::Task task = NewTask("rank" + std::to_string(rank));
    task.spec["train"]["steps"] = 2;
    task.spec["train"]["optimizer"]["kind"] = optimizer_;
    task.spec["train"]["precision"] = precision_;
    task.rank = rank;
    task.world = 2;
    task.threads = threads;
    RecordingChannel channel(gang);
    const Status status = RunTrainJob(task, channel);
    EXPECT_TRUE(status.ok()) << status.ToString();
    if (rank != 0) return "";
    return ReadJsonFile(task.output + "/model/state.json").value()["instruction_set"];
  }

  // Both ranks as threads of this process, with so many threads each.
  void TrainTogether(int64_t threads, int64_t threads_of_second) {
    testing::internal::CaptureStderr();
    std::thread second([&] { Train(1, threads_of_second, world_.at("gang")); });
    named_ = Train(0, threads, world_.at("gang"));
    second.join();
    said_ = testing::internal::GetCapturedStderr();
  }

  // The first rank here, and the second in a process of its own that has these instructions.
  void TrainBeside(const std::string& isa) {
    const std::string log = world_.at("second.log");
    const auto second = Process::Start(
        {.argv = {std::filesystem::read_symlink("/proc/self/exe"),
                  "--gtest_filter=UnequalRanksTest.DISABLED_Second",
                  "--gtest_also_run_disabled_tests"},
         .env = {{kIsaVariable, isa}, {kGang, world_.at("gang")}, {kPrecision, precision_}},
         .output = log});
    ASSERT_TRUE(second.ok()) << second.status().ToString();
    testing::internal::CaptureStderr();
    named_ = Train(0, 1, world_.at("gang"));
    said_ = testing::internal::GetCapturedStderr();
    ASSERT_TRUE((*second)->Wait(-1));
    said_by_second_ = ReadFile(log).value();
    EXPECT_EQ((*second)->exit().code, 0) << said_by_second_;
  }

  // One by which each rank has its own copy of the weights.
  std::string optimizer_ = "muon";
  std::string precision_ = "fp32";
  std::string named_, said_, said_by_second_;
};

TEST_F(UnequalRanksTest, EqualOnesAreNotWarned) {
  TrainTogether(1, 1);
  EXPECT_THAT(said_, Not(HasSubstr(kWarning)));
  EXPECT_EQ(named_, InstructionSet());
}

TEST_F(UnequalRanksTest, OtherThreadsAreSaidByBoth) {
  TrainTogether(1, 2);
  EXPECT_THAT(said_, AllOf(HasSubstr(std::string(kWarning) + " (rank 0: " + InstructionSet() +
                                     ", 1): their copies of the weights drift apart"),
                           HasSubstr("(rank 1: " + InstructionSet() + ", 2)")));
  EXPECT_EQ(named_, InstructionSet() + ", other ranks differ");
}

TEST_F(UnequalRanksTest, WeightsInCommonDoNotDrift) {
  optimizer_ = "adamw";
  TrainTogether(1, 2);
  EXPECT_THAT(said_, Not(HasSubstr(kWarning)));
  EXPECT_EQ(named_, InstructionSet() + ", other ranks differ");
}

// The second rank, in a process of its own.
TEST_F(UnequalRanksTest, DISABLED_Second) {
  const char* gang = std::getenv(kGang);
  ASSERT_NE(gang, nullptr);
  precision_ = std::getenv(kPrecision);
  Train(1, 1, gang);
}

TEST_F(UnequalRanksTest, OtherInstructionsAreSaidByBoth) {
  const std::string mine = Simd().fp32_name;
  std::string other;
  for (const SimdKernels* kernels : UsableSimdKernels()) {
    if (kernels->fp32_name != mine) other = kernels->name;
  }
  if (other.empty()) GTEST_SKIP() << "this machine has one instruction set";
  TrainBeside(other);
  EXPECT_THAT(said_, AllOf(HasSubstr(kWarning), HasSubstr(" kernels-" + mine + ", 1)")));
  EXPECT_THAT(said_by_second_, AllOf(HasSubstr(kWarning), HasSubstr(" kernels-" + other + ", 1)")));
  EXPECT_EQ(named_, InstructionSet() + ", other ranks differ");
}

TEST_F(UnequalRanksTest, TilesAreOtherInstructionsInBf16Alone) {
  if (std::string(Simd().name) != "amx") GTEST_SKIP() << "of processors with AMX";
  TrainBeside("avx512_bf16");
  EXPECT_THAT(said_, Not(HasSubstr(kWarning)));
  EXPECT_EQ(named_, InstructionSet());
}

TEST_F(UnequalRanksTest, TilesAreSaidInBf16) {
  if (std::string(Simd().name) != "amx") GTEST_SKIP() << "of processors with AMX";
  precision_ = "bf16";
  TrainBeside("avx512_bf16");
  EXPECT_THAT(said_, AllOf(HasSubstr(kWarning), HasSubstr(" kernels-amx bf16, 1)")));
  EXPECT_THAT(said_by_second_, HasSubstr(" kernels-avx512_bf16 bf16, 1)"));
  EXPECT_EQ(named_, InstructionSet(spec::Precision::kBf16) + ", other ranks differ");
}

// With the instruction for bf16 and without it, products have the same bits.
TEST_F(UnequalRanksTest, EqualBitsAreNotWarnedOfInBf16) {
  const SimdKernels *steps = nullptr, *instruction = nullptr;
  for (const SimdKernels* kernels : UsableSimdKernels()) {
    if (std::string(kernels->name) == "avx512") steps = kernels;
    if (std::string(kernels->name) == "avx512_bf16") instruction = kernels;
  }
  if (instruction == nullptr) GTEST_SKIP() << "of processors with avx512_bf16";
  const ScopedSimd simd(*steps);
  precision_ = "bf16";
  TrainBeside("avx512_bf16");
  EXPECT_THAT(said_, Not(HasSubstr(kWarning)));
}

}  // namespace
}  // namespace braid::trainer
