// One rank uses one GPU: several slots on a GPU are an error that says what to write instead. So is
// a precision that GPUs do not have yet.
#include <gmock/gmock.h>

#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWhy[] =
    "on device cuda slots must be 1: a rank uses one GPU, and 2 slots would take 2; ";

TEST(GpuSlotsTest, JointTrainingIsToldOfRanks) {
  EXPECT_EQ(ErrorOf(std::string(kSmall) + "joint: {slots: 2, device: cuda}\n"),
            "r.yaml:14:16: joint.slots: " + std::string(kWhy) + "for 2 GPUs set joint.ranks to 2");
  EXPECT_THAT(ErrorOf(Composed("joint: {slots: 2, device: cuda}")),
              HasSubstr("composites.0.joint.slots: " + std::string(kWhy)));
}

TEST(GpuSlotsTest, WhatIsInheritedIsSeenWhereTheRestIsWritten) {
  const std::string two = "joint: {slots: 2}\n", cuda = "joint: {device: cuda}\n";
  EXPECT_EQ(ErrorOf(std::string(kSmall) + two), "no error");
  EXPECT_EQ(ErrorOf(Composed("joint: {device: cuda}") + cuda), "no error");
  EXPECT_THAT(ErrorOf(Composed("joint: {device: cuda}") + two),
              HasSubstr("composites.0.joint.device: " + std::string(kWhy)));
  EXPECT_THAT(ErrorOf(Composed("joint: {slots: 2}") + cuda),
              HasSubstr("composites.0.joint.slots: " + std::string(kWhy)));
  EXPECT_EQ(ErrorOf(Composed("joint: {device: cpu}") + "joint: {slots: 1, device: cuda}\n"),
            "no error");
  EXPECT_THAT(ErrorOf(Composed("joint: {ranks: 2}") + "joint: {slots: 2, device: cuda}\n"),
              Not(HasSubstr("composites.0")))
      << "said once";
}

TEST(GpuSlotsTest, ModelsAndEvaluationsHaveOneRank) {
  EXPECT_THAT(
      ErrorOf(Replaced("d: 128, heads: 4, blocks: 4}",
                       "d: 128, heads: 4, blocks: 4, slots: 2, device: cuda}")),
      HasSubstr("baselines.0.slots: " + std::string(kWhy) + "one GPU trains a model of its own"));
  EXPECT_THAT(ErrorOf(Replaced("corpus: sums,", "corpus: sums, slots: 2, device: cuda,")),
              HasSubstr("paths.1.slots: " + std::string(kWhy)));
  EXPECT_THAT(
      ErrorOf(std::string(kSmall) +
              "evaluate: [{loss: all}, {resources: {slots: 2, device: cuda}}]\n"),
      HasSubstr("resources.slots: " + std::string(kWhy) + "one GPU is what an evaluation can use"));
  EXPECT_EQ(ErrorOf(Replaced("corpus: sums,", "corpus: sums, slots: 2,")), "no error")
      << "threads of a CPU";
  EXPECT_EQ(ErrorOf(Replaced("corpus: sums,", "corpus: sums, device: cuda,")), "no error");
}

TEST(GpuPrecisionTest, Bf16IsOfCpusAlone) {
  constexpr char kOfCpus[] =
      "precision: bf16 works on device: cpu only; for a training on a GPU set precision: fp32";
  const std::string bf16 = Replaced("train: {batch: 4,", "train: {precision: bf16, batch: 4,");
  EXPECT_EQ(ErrorOf(bf16), "no error");
  EXPECT_EQ(ErrorOf(std::string(kSmall) + "joint: {precision: bf16, device: cuda}\n"),
            "r.yaml:14:20: joint.precision: " + std::string(kOfCpus));
  EXPECT_THAT(ErrorOf(bf16 + "joint: {device: cuda}\n"),
              HasSubstr("joint.device: " + std::string(kOfCpus)));
  EXPECT_EQ(ErrorOf(bf16 + "joint: {precision: fp32, device: cuda}\n"), "no error");
  EXPECT_THAT(ErrorOf(Replaced("corpus: sums,", "corpus: sums, device: cuda,", bf16)),
              HasSubstr("paths.1.train: " + std::string(kOfCpus)));
  EXPECT_EQ(ErrorOf(Replaced("corpus: sums,",
                             "corpus: sums, device: cuda, train: {precision: fp32},", bf16)),
            "no error");
  EXPECT_THAT(ErrorOf(bf16 + "split: {seed_model: 0.1}\nseed_model: {device: cuda}\n"),
              HasSubstr("seed_model.train: " + std::string(kOfCpus)));
  EXPECT_THAT(ErrorOf(Replaced("train: {batch: 4,", "train: {precision: fp16, batch: 4,")),
              HasSubstr("train.precision: "));
}

}  // namespace
}  // namespace braid::recipe
