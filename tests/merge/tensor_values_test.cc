#include "merge/tensor_values.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace braid::merge {
namespace {

// At each place of a block, of what is left after the last block, and of memory that is not
// aligned.
TEST(TensorValuesTest, FindsTheFirstValueThatCannotBe) {
  using Limits = std::numeric_limits<float>;
  const float possible[] = {0.0f, -0.0f, 1.0f, Limits::max(), Limits::min(), Limits::denorm_min()};
  for (const int64_t count : {1, 63, 64, 65, 200}) {
    for (const float bad :
         {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
          std::bit_cast<float>(0x7F800001u), -Limits::denorm_min(), -1.0f, Limits::lowest()}) {
      for (int64_t at = 0; at <= count; ++at) {
        std::vector<float> values(static_cast<size_t>(count));
        for (int64_t i = 0; i < count; ++i) {
          values[static_cast<size_t>(i)] = i < at ? possible[i % 6] : bad;
        }
        std::vector<char> shifted(values.size() * sizeof(float) + 1);
        std::memcpy(shifted.data() + 1, values.data(), values.size() * sizeof(float));
        ASSERT_EQ(FirstImpossible(values.data(), count, true), at) << bad;
        ASSERT_EQ(FirstImpossible(shifted.data() + 1, count, true), at) << bad;
        ASSERT_EQ(FirstImpossible(values.data(), count, false), std::isfinite(bad) ? count : at);
      }
    }
  }
  EXPECT_EQ(FirstImpossible(nullptr, 0, true), 0);
}

}  // namespace
}  // namespace braid::merge
