#include "task/held_out_loss.h"

#include <gtest/gtest.h>

#include <cmath>

namespace braid::task {
namespace {

TEST(HeldOutLossTest, IsTheMeanOverTheCorpora) {
  EXPECT_EQ(HeldOutLoss({{"final",
                          {{"validation/tales", 2.0},
                           {"validation/sums", 3.0},
                           {"loss", 9.0},
                           {"validation_ignore_last/tales", 8.0}}}}),
            2.5);
}

TEST(HeldOutLossTest, IsAbsentWhereItIsNotKnown) {
  EXPECT_EQ(HeldOutLoss(Json()), std::nullopt);
  EXPECT_EQ(HeldOutLoss({{"final", {{"loss", 9.0}}}}), std::nullopt);
  EXPECT_EQ(HeldOutLoss({{"final", {{"validation/tales", 2.0}, {"validation/sums", Json()}}}}),
            std::nullopt);
  EXPECT_EQ(HeldOutLoss({{"final", {{"validation/tales", std::nan("")}}}}), std::nullopt);
}

TEST(HeldOutLossTest, ATrialNeedsAllItsTrainings) {
  EXPECT_EQ(MeanLoss({2.0, 3.0}), 2.5);
  EXPECT_EQ(MeanLoss({2.0, std::nullopt}), std::nullopt);
  EXPECT_EQ(MeanLoss({}), std::nullopt);
}

}  // namespace
}  // namespace braid::task
