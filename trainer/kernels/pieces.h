// How the rows of the CPU passes are cut for threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/simd.h"

namespace braid::trainer {

// Rows that a thread takes at a time. Gradients of gains and slopes are summed over pieces of this
// many rows, then over the pieces in their order: fixed pieces give the same bits with any number
// of threads. What is computed of so many rows stays in a core's cache for the next operation.
constexpr int64_t kPieceRows = 64;

// The data of a contiguous tensor, null if it is undefined.
inline float* Data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}
// The data of a contiguous tensor for reading; null if it is undefined.
inline const float* Read(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}
// `data` + `offset`, or null if `data` is null.
inline float* At(float* data, int64_t offset) {
  return data != nullptr ? data + offset : nullptr;
}
inline const float* At(const float* data, int64_t offset) {
  return data != nullptr ? data + offset : nullptr;
}

// `parts` blocks of `rows` rows, cut into pieces.
struct Pieces {
  int64_t parts, rows;
  // The number of pieces of one block, and of all blocks.
  int64_t each() const { return (rows + kPieceRows - 1) / kPieceRows; }
  int64_t count() const { return parts * each(); }

  // Calls use(piece, part, first row of all, rows).
  template <typename Use>
  void ForEach(Use use) const {
    ParallelFor(0, count(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t part = piece / each(), inside = piece % each() * kPieceRows;
        use(piece, part, part * rows + inside, std::min(kPieceRows, rows - inside));
      }
    });
  }
};

// The operands of a norm over all rows of a pass.
struct NormRows {
  const float *x, *gain;
  float* inverse;
  int64_t w;

  // The operands for the rows first .. first + count - 1, which belong to block `part`. The caller
  // sets eps and y, or the fields of the backward pass.
  RmsNormOperands From(int64_t part, int64_t first, int64_t count) const {
    RmsNormOperands o{};
    o.x = x + first * w;
    o.gain = gain + part * w;
    o.inverse = At(inverse, first);
    o.rows = count;
    o.w = w;
    return o;
  }
};

// The shape of the maps of a weight [out, in] or [paths, out, in], applied to so many rows.
inline LinearShape ShapeOf(int64_t rows, const at::Tensor& weight, Precision precision) {
  const int64_t paths = weight.dim() == 3 ? weight.size(0) : 1;
  return {paths, rows / paths, weight.size(-1), weight.size(-2), precision};
}
// The distance in floats between the maps of two paths; 0 for a single map.
inline int64_t StrideOf(const at::Tensor& weight) {
  return weight.dim() == 3 ? weight.stride(0) : 0;
}

}  // namespace braid::trainer
