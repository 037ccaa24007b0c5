// The noise of a router, number by number (docs/papers/papaformer.md#s3.1).
#include "trainer/network/router.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace braid::trainer {
namespace {

// Number 14303 of this draw is 0.9999999943 in 53 bits, which rounds to 1 in fp32, where the noise
// would be infinite.
constexpr int64_t kBatch = 32, kSequence = 256, kColumns = 3, kNearOne = 14303;

ForwardContext NearOne(const model::Arch& arch, RopeTables& ropes) {
  return {.arch = arch,
          .ropes = ropes,
          .batch = kBatch,
          .sequence = kSequence,
          .training = true,
          .router_noise = true,
          .seed = 42,
          .draw = 301};
}

TEST(RouterTest, UniformNumbersAreBelowOne) {
  const model::Arch arch;
  RopeTables ropes(arch, at::kCPU);
  const at::Tensor u = NearOne(arch, ropes).Uniform("parallel.0/gumbel", kColumns);
  EXPECT_EQ(u.flatten()[kNearOne].item<double>(), 1 - 0x1p-24);
  EXPECT_LT(u.max().item<double>(), 1);
  EXPECT_GE(u.min().item<double>(), 0);
}

TEST(RouterTest, NoiseIsFinite) {
  const model::Arch arch;
  RopeTables ropes(arch, at::kCPU);
  const at::Tensor logits = at::zeros({kBatch * kSequence, kColumns});
  for (const bool hard : {false, true}) {
    const Routed routed = ForwardOf(model::kGumbelRouter)
                              .route({.hard = hard}, logits, "parallel.0", NearOne(arch, ropes));
    EXPECT_TRUE(at::isfinite(routed.weights).all().item<bool>()) << "hard " << hard;
    EXPECT_EQ(routed.choices[kNearOne / kColumns].item<int64_t>(), kNearOne % kColumns);
  }
}

}  // namespace
}  // namespace braid::trainer
