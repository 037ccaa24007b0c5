#include "trainer/kernels/products.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <new>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

constexpr int64_t kAlignment = 64;
// Rows of a product's left side that stay in a core's cache while the panels pass by.
constexpr int64_t kBlockRows = 96;

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};

struct Buffer {
  std::unique_ptr<float, Free> memory;
  int64_t count = 0;
};

// Packs b [paths, rows, columns], or the transpose of [paths, columns, rows].
template <bool kTransposed>
const float* Packed(int64_t paths, const float* b, int64_t stride, int64_t rows, int64_t columns) {
  const SimdKernels& simd = Simd();
  const int64_t panels = Padded(columns) / simd.panel, one = rows * simd.panel;
  float* packed = ScratchFloats(Scratch::kPanels, paths * panels * one);
  ParallelFor(0, paths * panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % panels * simd.panel, count = std::min(simd.panel, columns - first);
      const float* from = b + i / panels * stride;
      if (kTransposed) {
        simd.pack_transposed(from + first * rows, rows, rows, count, packed + i * one);
      } else {
        simd.pack(from + first, columns, rows, count, nullptr, packed + i * one);
      }
    }
  });
  return packed;
}

// Calls use(path, first, count) for pieces of [begin, end), `each` of which belong to a path.
template <typename Use>
void ForEachPiece(int64_t begin, int64_t end, int64_t each, int64_t largest, Use use) {
  while (begin < end) {
    const int64_t first = begin % each;
    const int64_t count = std::min({largest, each - first, end - begin});
    use(begin / each, first, count);
    begin += count;
  }
}

// c [paths * rows, columns] = a [paths * rows, k] times the packed [paths, k, columns] + add. Where
// the rows are cut for threads changes nothing, since each row is for itself.
void Multiply(int64_t paths, int64_t rows, int64_t k, int64_t columns, const float* a,
              const float* packed, const float* add, float* c) {
  const int64_t one = k * Padded(columns);
  const auto multiply = [&](int64_t path, int64_t first, int64_t count) {
    const int64_t row = path * rows + first;
    Simd().product({.a = a + row * k,
                    .lda = k,
                    .rows = count,
                    .k = k,
                    .columns = columns,
                    .b = packed + path * one,
                    .add = add != nullptr ? add + row * columns : nullptr,
                    .ld_add = columns,
                    .c = c + row * columns,
                    .ldc = columns});
  };
  ParallelFor(0, paths * rows, 24, [&](int64_t begin, int64_t end) {
    ForEachPiece(begin, end, rows, kBlockRows, multiply);
  });
}

}  // namespace

float* ScratchFloats(Scratch purpose, int64_t count) {
  thread_local std::array<Buffer, static_cast<size_t>(Scratch::kCount)> buffers;
  Buffer& buffer = buffers[static_cast<size_t>(purpose)];
  if (buffer.count < count) {
    const int64_t bytes = (count * 4 + kAlignment - 1) / kAlignment * kAlignment;
    buffer.memory.reset();
    buffer.count = 0;
    auto* memory = static_cast<float*>(std::aligned_alloc(kAlignment, static_cast<size_t>(bytes)));
    if (memory == nullptr) throw std::bad_alloc();
    buffer.memory.reset(memory);
    buffer.count = count;
  }
  return buffer.memory.get();
}

void LinearForward(const LinearShape& shape, const float* x, const float* weight, int64_t stride,
                   const float* add, float* y) {
  const float* packed = Packed<true>(shape.paths, weight, stride, shape.in, shape.out);
  Multiply(shape.paths, shape.rows, shape.in, shape.out, x, packed, add, y);
}

void LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                         int64_t stride, float* dx) {
  const float* packed = Packed<false>(shape.paths, weight, stride, shape.out, shape.in);
  Multiply(shape.paths, shape.rows, shape.out, shape.in, dy, packed, nullptr, dx);
}

void LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x, float* dweight,
                          int64_t stride) {
  const float* packed = Packed<false>(shape.paths, x, shape.rows * shape.in, shape.rows, shape.in);
  const int64_t one = shape.rows * Padded(shape.in);
  const auto add = [&](int64_t path, int64_t first, int64_t count) {
    Simd().outer({.a = dy + path * shape.rows * shape.out + first,
                  .lda = shape.out,
                  .rows = shape.rows,
                  .a_columns = count,
                  .b_columns = shape.in,
                  .b = packed + path * one,
                  .c = dweight + path * stride + first * shape.in,
                  .ldc = shape.in});
  };
  // Threads take columns of dy. No sum is cut.
  ParallelFor(0, shape.paths * shape.out, 12, [&](int64_t begin, int64_t end) {
    ForEachPiece(begin, end, shape.out, shape.out, add);
  });
}

}  // namespace braid::trainer
