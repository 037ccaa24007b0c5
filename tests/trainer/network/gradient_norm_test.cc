#include "trainer/network/gradient_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace braid::trainer {
namespace {

// Partial sums in fp32 lose 2 % of the first size and 2 to 30 % of the second, whatever the width
// of the vectors.
TEST(GradientNormTest, IsRightForManyElements) {
  for (const int64_t count : {int64_t{1} << 25, (int64_t{1} << 27) + 12345}) {
    const at::Tensor gradients = at::full({count}, 1e-3f, at::kFloat);
    const double exact = static_cast<double>(1e-3f) * std::sqrt(static_cast<double>(count));
    EXPECT_NEAR(GradientNorm(gradients) / exact, 1, 1e-12) << count;
  }
}

TEST(GradientNormTest, IsThatOfDoublePrecisionForAnyNumberOfElements) {
  at::manual_seed(1);
  for (const int64_t count : {0, 1, 15, 16, 17, 65535, 65536, 65537, 1'000'003}) {
    const at::Tensor gradients = at::randn({count}, at::kFloat);
    const double exact = std::sqrt(gradients.to(at::kDouble).square().sum().item<double>());
    EXPECT_NEAR(GradientNorm(gradients), exact, 1e-12 * exact) << count;
  }
}

TEST(GradientNormTest, HasTheSameBitsWithAnyNumberOfThreads) {
  at::manual_seed(2);
  const at::Tensor gradients = at::randn({3'000'001}, at::kFloat) * at::logspace(-6, 6, 3'000'001);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double alone = GradientNorm(gradients);
  for (const int many : {2, 3, 7}) {
    at::set_num_threads(many);
    EXPECT_EQ(GradientNorm(gradients), alone) << many;
  }
  at::set_num_threads(threads);
}

TEST(GradientNormTest, SeesEverythingBetweenTheSmallestAndWhatAdamWCanSquare) {
  EXPECT_NEAR(GradientNorm(at::full({4}, 1e-30f, at::kFloat)) / 2e-30, 1, 1e-6);
  EXPECT_NEAR(GradientNorm(at::full({4}, 1e18f, at::kFloat)) / 2e18, 1, 1e-6);
  EXPECT_EQ(GradientNorm(at::full({4}, 1e20f, at::kFloat)),
            std::numeric_limits<double>::infinity());
  for (const float odd :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    at::Tensor gradients = at::ones({100'000}, at::kFloat);
    gradients[99'999] = odd;
    EXPECT_FALSE(std::isfinite(GradientNorm(gradients)));
  }
}

}  // namespace
}  // namespace braid::trainer
