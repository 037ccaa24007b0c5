#include "base/normal_pairs.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "base/random.h"

namespace braid {
namespace {

const PairStream kStream = {{42, 7}, {0x12345678u, 0x9abcdef0u}};

struct Pair {
  double x, y;
};

// By the C library, in fp64.
Pair Reference(const PairStream& stream, uint64_t pair) {
  const auto block = Philox({static_cast<uint32_t>(pair), static_cast<uint32_t>(pair >> 32),
                             stream.name[0], stream.name[1]},
                            {stream.key[0], stream.key[1]});
  const auto number = [&](size_t at) { return (uint64_t{block[at + 1]} << 32 | block[at]) >> 11; };
  const double u = (static_cast<double>(number(0)) + 1.0) * 0x1p-53;
  const double angle = 2.0 * std::numbers::pi * (static_cast<double>(number(2)) * 0x1p-53);
  const double radius = std::sqrt(-2.0 * std::log(u));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

int64_t g_asked = 0;

// Not what the reference has: whether a method asked must show.
void Mark(const PairStream&, uint64_t, float* out) {
  ++g_asked;
  out[0] = out[1] = 1000.0f;
}
void Exact(const PairStream& stream, uint64_t pair, float* out) {
  const Pair exact = Reference(stream, pair);
  out[0] = static_cast<float>(exact.x);
  out[1] = static_cast<float>(exact.y);
}

std::vector<const NormalPairsMethod*> Methods() {
  int count = 0;
  const NormalPairsMethod* const* all = UsableNormalPairs(&count);
  return {all, all + count};
}

// How far x is from the middle between two floats, in units of the last place of an fp64.
int64_t FromMiddle(double x) {
  uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return std::abs(static_cast<int64_t>(bits & ((uint64_t{1} << 29) - 1)) - (int64_t{1} << 28));
}

TEST(NormalPairsTest, EveryMethodHasTheBitsOfTheLibrary) {
  constexpr int64_t kCount = 300'001;
  for (const NormalPairsMethod* method : Methods()) {
    // Also across the border of the lower half of the counter.
    for (const uint64_t first : {uint64_t{0}, (uint64_t{1} << 32) - 5, uint64_t{1} << 50}) {
      std::vector<float> numbers(2 * kCount + 1, -7.0f);
      method->fill(kStream, first, kCount, numbers.data(), Exact);
      for (int64_t i = 0; i < kCount; ++i) {
        const Pair pair = Reference(kStream, first + static_cast<uint64_t>(i));
        ASSERT_EQ(numbers[static_cast<size_t>(2 * i)], static_cast<float>(pair.x))
            << method->name << ", pair " << first << " + " << i;
        ASSERT_EQ(numbers[static_cast<size_t>(2 * i + 1)], static_cast<float>(pair.y))
            << method->name << ", pair " << first << " + " << i;
      }
      EXPECT_EQ(numbers.back(), -7.0f) << "beyond the end";
    }
  }
}

// A float that an error of a few units could turn into its neighbour is never a method's own.
TEST(NormalPairsTest, WhatIsNearTheMiddleOfTwoFloatsIsAsked) {
  constexpr int64_t kCount = 1'000'000;
  for (const NormalPairsMethod* method : Methods()) {
    std::vector<float> numbers(2 * kCount);
    g_asked = 0;
    method->fill(kStream, 0, kCount, numbers.data(), Mark);
    if (method == Methods().front()) {
      EXPECT_EQ(g_asked, kCount);  // one by one
      continue;
    }
    EXPECT_GT(g_asked, 0);
    EXPECT_LT(g_asked, kCount / 10'000);
    for (int64_t i = 0; i < kCount; ++i) {
      if (numbers[static_cast<size_t>(2 * i)] == 1000.0f) continue;
      const Pair pair = Reference(kStream, static_cast<uint64_t>(i));
      ASSERT_GT(std::min(FromMiddle(pair.x), FromMiddle(pair.y)), 4000) << i;
    }
  }
}

TEST(NormalPairsTest, AnyCount) {
  for (const NormalPairsMethod* method : Methods()) {
    for (int64_t count = 0; count < 10; ++count) {
      std::vector<float> numbers(static_cast<size_t>(2 * count) + 1, -7.0f);
      method->fill(kStream, 11, count, numbers.data(), Exact);
      for (int64_t i = 0; i < count; ++i) {
        EXPECT_EQ(numbers[static_cast<size_t>(2 * i)],
                  static_cast<float>(Reference(kStream, 11 + static_cast<uint64_t>(i)).x));
      }
      EXPECT_EQ(numbers.back(), -7.0f);
    }
  }
}

}  // namespace
}  // namespace braid
