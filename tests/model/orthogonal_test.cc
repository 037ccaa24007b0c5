#include "model/orthogonal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace braid::model {
namespace {

std::vector<float> Orthogonal(uint64_t seed, int64_t rows, int64_t columns) {
  std::vector<float> all(static_cast<size_t>(rows * columns));
  OrthogonalRange(RandomStream(seed, "map"), rows, columns, 0, rows * columns, all.data());
  return all;
}

// The product of two rows, or of two columns.
double Product(const std::vector<float>& m, int64_t columns, int64_t a, int64_t b, bool of_rows) {
  const int64_t rows = std::ssize(m) / columns, count = of_rows ? columns : rows,
                step = of_rows ? 1 : columns, apart = of_rows ? columns : 1;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += static_cast<double>(m[static_cast<size_t>(a * apart + i * step)]) *
           m[static_cast<size_t>(b * apart + i * step)];
  }
  return sum;
}

TEST(OrthogonalTest, RowsOrColumnsAreOrthonormal) {
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>(7, 7), {5, 12}, {12, 5}, {1, 9}, {9, 1}, {1, 1}, {40, 96}}) {
    const std::vector<float> m = Orthogonal(3, rows, columns);
    const int64_t fewer = std::min(rows, columns);
    for (int64_t a = 0; a < fewer; ++a) {
      for (int64_t b = 0; b <= a; ++b) {
        EXPECT_NEAR(Product(m, columns, a, b, /*of_rows=*/rows <= columns), a == b ? 1 : 0, 3e-7)
            << rows << " x " << columns << ": " << a << ", " << b;
      }
    }
  }
}

// What the first column of a QR decomposition is: that of the matrix of normal numbers, normed.
TEST(OrthogonalTest, TheFirstIsARandomDirection) {
  constexpr int64_t kCount = 11;
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    std::vector<float> normals(kCount);
    RandomStream(seed, "map").Normals(0, kCount, normals.data());
    double squares = 0;
    for (const float x : normals) squares += static_cast<double>(x) * x;
    const std::vector<float> wide = Orthogonal(seed, 4, kCount), tall = Orthogonal(seed, kCount, 4);
    for (size_t i = 0; i < kCount; ++i) {
      EXPECT_NEAR(wide[i], normals[i] / std::sqrt(squares), 1e-6);
      EXPECT_NEAR(tall[i * 4], normals[i] / std::sqrt(squares), 1e-6);
    }
  }
}

// Uniformly distributed: every element has mean 0 and variance 1 / n, rotations and reflections are
// equally many, and elements of other rows and columns do not hang together.
TEST(OrthogonalTest, NoDirectionIsPreferred) {
  constexpr int64_t kN = 3, kDraws = 4000;
  double sums[9] = {}, squares[9] = {}, traces = 0, rotations = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const std::vector<float> m = Orthogonal(seed, kN, kN);
    for (size_t i = 0; i < 9; ++i) sums[i] += m[i], squares[i] += static_cast<double>(m[i]) * m[i];
    traces += std::pow(m[0] + m[4] + m[8], 2);
    rotations += m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                             m[2] * (m[3] * m[7] - m[4] * m[6]) >
                         0
                     ? 1
                     : 0;
  }
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(sums[i] / kDraws, 0, 0.04) << i;
    EXPECT_NEAR(squares[i] / kDraws, 1.0 / kN, 0.03) << i;
  }
  // Of the uniform distribution alone the square of the trace has the mean 1.
  EXPECT_NEAR(traces / kDraws, 1, 0.1);
  EXPECT_NEAR(rotations / kDraws, 0.5, 0.04);
}

TEST(OrthogonalTest, AnyRangeHasTheBitsOfTheWhole) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>(6, 10), {10, 6}, {8, 8}}) {
    const std::vector<float> all = Orthogonal(5, rows, columns);
    for (const int64_t piece : {1, 7, 13, 60}) {
      std::vector<float> pieces(all.size());
      for (int64_t begin = 0; begin < std::ssize(all); begin += piece) {
        OrthogonalRange(RandomStream(5, "map"), rows, columns, begin,
                        std::min(piece, std::ssize(all) - begin), pieces.data() + begin);
      }
      EXPECT_EQ(pieces, all) << rows << " x " << columns << " by " << piece;
    }
  }
  EXPECT_NE(Orthogonal(5, 8, 8), Orthogonal(6, 8, 8));
}

}  // namespace
}  // namespace braid::model
