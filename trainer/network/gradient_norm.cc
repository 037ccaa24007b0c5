#include "trainer/network/gradient_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

std::vector<double> SumsOfSquares(const at::Tensor& gradients, int64_t first, int64_t last) {
  const float* values = gradients.const_data_ptr<float>();
  const int64_t count = gradients.numel();
  std::vector<double> sums(static_cast<size_t>((count + kNormPiece - 1) / kNormPiece));
  ParallelFor(first, last, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      sums[static_cast<size_t>(i)] = Simd().sum_of_squares(
          values + i * kNormPiece, std::min(kNormPiece, count - i * kNormPiece));
    }
  });
  return sums;
}

double NormOfSums(const std::vector<double>& sums) {
  double sum = 0;
  for (const double piece : sums) sum += piece;
  if (sum > static_cast<double>(std::numeric_limits<float>::max()))
    return std::numeric_limits<double>::infinity();
  return std::sqrt(sum);
}

double GradientNorm(const at::Tensor& gradients) {
  // A GPU adds in a tree of thousands of partial sums: fp32 is enough there.
  if (!gradients.is_cpu()) return at::linalg_vector_norm(gradients).item<double>();
  return NormOfSums(
      SumsOfSquares(gradients.contiguous(), 0, (gradients.numel() + kNormPiece - 1) / kNormPiece));
}

}  // namespace braid::trainer
