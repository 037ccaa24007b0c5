#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace braid {
namespace {

using ::testing::ElementsAre;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10 rounds).
TEST(Philox, GivesThePublishedVectors) {
  EXPECT_THAT(Philox({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(Philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(
      Philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
      ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(RandomStream, NormalsHaveMeanZeroAndVarianceOne) {
  const RandomStream stream(42, "embed.weight");
  double sum = 0, squares = 0;
  constexpr int kCount = 200'000;
  for (int i = 0; i < kCount; ++i) {
    const double x = stream.Normal(static_cast<uint64_t>(i));
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.01);
  EXPECT_NEAR(squares / kCount, 1, 0.02);
}

// The Gumbel noise of a router is -log(-log u): a u of 1 would be infinite.
TEST(RandomStream, FloatsStayBelowOne) {
  const RandomStream stream(42, "draw/301/parallel.0/gumbel");
  EXPECT_EQ(static_cast<float>(stream.Uniform(14'303)), 1.0F);
  EXPECT_EQ(stream.UniformFloat(14'303), 1.0F - 0x1p-24F);
  for (uint64_t n = 0; n < 1000; ++n) {
    EXPECT_NEAR(stream.UniformFloat(n), stream.Uniform(n), 0x1p-24);
  }
}

TEST(RandomStream, NamesAndSeedsGiveOtherStreams) {
  EXPECT_NE(RandomStream(1, "a").Bits(0), RandomStream(1, "b").Bits(0));
  EXPECT_NE(RandomStream(1, "a").Bits(0), RandomStream(2, "a").Bits(0));
  EXPECT_EQ(RandomStream(1, "a").Bits(7), RandomStream(1, "a").Bits(7));
}

TEST(Permutation, HasEveryIndexOnceInAnotherOrder) {
  auto order = Permutation(RandomStream(42, "epoch/0"), 1000);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(order[i], i);
}

TEST(RandomUuid, LooksLikeVersion4) {
  const std::string id = RandomUuid();
  EXPECT_THAT(id, ::testing::MatchesRegex(
                      "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(id, RandomUuid());
}

TEST(RandomStreamTest, ManyNormalNumbersAreThoseOfOneAfterTheOther) {
  const RandomStream stream(5, "weights");
  for (const auto& [first, count] : {std::pair{0, 9}, {3, 8}, {7, 1}, {6, 1}, {4, 0}, {1, 4000}}) {
    std::vector<float> many(static_cast<size_t>(count) + 1, -7.0f);
    stream.Normals(static_cast<uint64_t>(first), count, many.data());
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(many[static_cast<size_t>(i)], stream.Normal(static_cast<uint64_t>(first + i))) << i;
    EXPECT_EQ(many.back(), -7.0f) << "beyond the end";
  }
}

}  // namespace
}  // namespace braid
