// The functions of products for the instruction set that is being compiled for. See vector.h.
#pragma once

#include "trainer/kernels/simd/head.h"
#include "trainer/kernels/simd/product.h"
#include "trainer/kernels/simd/simd.h"

namespace braid::trainer {
namespace {

void Round(const float* from, int64_t count, float* to) {
  RoundNeighbours(from, count, reinterpret_cast<Bf16::Element*>(to));
}

template <typename Numbers>
constexpr Products ProductsOf() {
  return {
      .pack = Pack<Numbers>,
      .pack_transposed = PackTransposed<Numbers>,
      .product = Product<Numbers>,
      .outer = Outer<Numbers>,
      .head_logits = HeadLogits<Numbers>,
      .head_exp = HeadExp<Numbers>,
      .head_columns = HeadColumns<Numbers>,
      .head_input_gradient = HeadInputGradient<Numbers>,
      .head_weight_gradient = HeadWeightGradient<Numbers>,
      .round = Numbers::kNumbers == 1 ? nullptr : Round,
  };
}

}  // namespace
}  // namespace braid::trainer
