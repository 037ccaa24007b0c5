#include "base/keyed_permutation.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

namespace braid {
namespace {

KeyedPermutation Of(uint64_t count, uint64_t seed = 42) {
  return {RandomStream(seed, "epoch/0"), count};
}

TEST(KeyedPermutationTest, HasEveryElementOnce) {
  for (uint64_t count = 1; count < 300; ++count) {
    const KeyedPermutation order = Of(count);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < count; ++i) seen.insert(order.At(i));
    ASSERT_EQ(seen.size(), count);
    ASSERT_EQ(*seen.rbegin(), count - 1);
  }
}

// Counts around which the rectangle changes its shape, and beyond 32 bits: neighbours go to
// different places below `count`, all over the list.
TEST(KeyedPermutationTest, AnyCount) {
  for (const uint64_t count :
       {uint64_t{1} << 16, (uint64_t{1} << 16) + 1, uint64_t{65535} * 65535,
        (uint64_t{1} << 32) + 12345, uint64_t{3'000'000'000'000}, (uint64_t{1} << 62) - 1}) {
    const KeyedPermutation order = Of(count);
    std::set<uint64_t> seen;
    double mean = 0;
    for (uint64_t i = 0; i < 4000; ++i) {
      const uint64_t at = order.At(i * 3 < count / 2 ? i : count - 1 - i);
      ASSERT_LT(at, count);
      seen.insert(at);
      mean += static_cast<double>(at) / static_cast<double>(count) / 4000;
    }
    EXPECT_EQ(seen.size(), 4000u) << count;
    EXPECT_NEAR(mean, 0.5, 5 * std::sqrt(1 / 12.0 / 4000)) << count;
  }
}

TEST(KeyedPermutationTest, IsAnotherOneForEachSeedAndTheSameForEqualOnes) {
  int same = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(Of(1000).At(i), Of(1000).At(i));
    same += Of(1000).At(i) == Of(1000, 43).At(i);
  }
  EXPECT_LT(same, 10) << "about one is expected";
  // The order is part of what a seed means; it must not change.
  std::vector<uint64_t> first;
  for (uint64_t i = 0; i < 6; ++i) first.push_back(Of(1'000'000).At(i));
  EXPECT_THAT(first, testing::ElementsAre(23913, 52719, 387493, 135232, 818321, 587459));
}

// As a shuffle: where an element goes says nothing about where its neighbour goes. The numbers
// follow from a random permutation: of 20,000 neighbours about 1 stay neighbours in order, and the
// correlation of their places is about 0 with a deviation of 1 / sqrt(20,000) = 0.007.
TEST(KeyedPermutationTest, NeighboursPart) {
  constexpr uint64_t kCount = 20'000;
  const KeyedPermutation order = Of(kCount);
  int neighbours = 0;
  double product = 0, square = 0;
  for (uint64_t i = 0; i + 1 < kCount; ++i) {
    const double a = static_cast<double>(order.At(i)) / kCount - 0.5;
    const double b = static_cast<double>(order.At(i + 1)) / kCount - 0.5;
    neighbours += order.At(i + 1) == order.At(i) + 1;
    product += a * b;
    square += a * a;
  }
  EXPECT_LE(neighbours, 8);
  EXPECT_LT(std::abs(product / square), 0.03);
}

// Of a short list every order is about as likely: 4! = 24 orders over 4,800 seeds, chi-square with
// 23 degrees of freedom (its 99.99th percentile is 55).
TEST(KeyedPermutationTest, OrdersOfAShortListAreEquallyLikely) {
  std::map<std::vector<uint64_t>, int> seen;
  for (uint64_t seed = 0; seed < 4800; ++seed) {
    const KeyedPermutation order = Of(4, seed);
    ++seen[{order.At(0), order.At(1), order.At(2), order.At(3)}];
  }
  double chi_square = 0;
  for (const auto& [order, count] : seen) chi_square += std::pow(count - 200.0, 2) / 200;
  EXPECT_EQ(seen.size(), 24u);
  EXPECT_LT(chi_square, 55);
}

}  // namespace
}  // namespace braid
