// What a collective of any kind does beyond sums of floats: to be called by all ranks of a gang.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "trainer/collective/collective.h"

namespace braid::trainer {

inline void ExpectGathers(Collective& collective, int64_t count) {
  const auto value = [](int64_t rank, int64_t i) {
    // A zero that only its bits tell from the other one.
    return i % 5 == 0 ? -0.0f : static_cast<float>(rank + 1) / static_cast<float>(i + 3);
  };
  std::vector<float> own, all;
  for (int64_t i = 0; i < count; ++i) own.push_back(value(collective.rank(), i));
  const bool first = collective.rank() == 0;
  if (first) all.resize(static_cast<size_t>(count * collective.world()), 7);
  ASSERT_TRUE(collective.Gather(own.data(), 0, all.data()).ok());
  ASSERT_TRUE(collective.Gather(own.data(), count, all.data()).ok());
  for (int64_t rank = 0; rank < collective.world() && first; ++rank) {
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(all[static_cast<size_t>(rank * count + i)]),
                std::bit_cast<uint32_t>(value(rank, i)))
          << rank << " " << i;
    }
  }
}

// The sums of three numbers have the same bits on all ranks, and the right values within what two
// additions round.
inline void ExpectSumsOfBf16(Collective& collective, int64_t count) {
  const auto value = [](int64_t rank, int64_t i) {
    return ToBf16(static_cast<float>(rank + 1) / static_cast<float>(i + 3));
  };
  std::vector<Bf16> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(value(collective.rank(), i));
  ASSERT_TRUE(collective.AllReduce(values.data(), count).ok());
  std::vector<double> bits, squares;
  for (int64_t i = 0; i < count; ++i) {
    double expected = 0;
    for (int64_t rank = 0; rank < collective.world(); ++rank) expected += ToFloat(value(rank, i));
    const Bf16 sum = values[static_cast<size_t>(i)];
    ASSERT_NEAR(ToFloat(sum) / expected, 1, 1.0 / 128) << i;
    bits.push_back(sum.bits);
    squares.push_back(static_cast<double>(sum.bits) * sum.bits);
  }
  const std::vector<double> own = bits;
  ASSERT_TRUE(collective.AllReduce(bits.data(), count).ok());
  ASSERT_TRUE(collective.AllReduce(squares.data(), count).ok());
  for (size_t i = 0; i < own.size(); ++i) {
    // Both only if all are equal.
    ASSERT_EQ(bits[i], own[i] * static_cast<double>(collective.world())) << i;
    ASSERT_EQ(squares[i], own[i] * own[i] * static_cast<double>(collective.world())) << i;
  }
}

}  // namespace braid::trainer
