#include "trainer/network/gradient_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

constexpr int64_t kPiece = 1 << 16;  // elements of a partial sum

double SumOfSquares(const at::Tensor& gradients) {
  const float* values = gradients.const_data_ptr<float>();
  const int64_t count = gradients.numel();
  std::vector<double> pieces(static_cast<size_t>((count + kPiece - 1) / kPiece));
  ParallelFor(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      pieces[static_cast<size_t>(i)] = Simd().sum_of_squares(values + i * kPiece,
                                                             std::min(kPiece, count - i * kPiece));
    }
  });
  double sum = 0;
  for (const double piece : pieces) sum += piece;
  return sum;
}

}  // namespace

double GradientNorm(const at::Tensor& gradients) {
  // A GPU adds in a tree of thousands of partial sums: fp32 is enough there.
  if (!gradients.is_cpu()) return at::linalg_vector_norm(gradients).item<double>();
  const double sum = SumOfSquares(gradients.contiguous());
  if (sum > static_cast<double>(std::numeric_limits<float>::max()))
    return std::numeric_limits<double>::infinity();
  return std::sqrt(sum);
}

}  // namespace braid::trainer
