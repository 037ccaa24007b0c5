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

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};

struct Buffer {
  std::unique_ptr<float, Free> memory;
  int64_t count = 0;
};

// Packs b [paths, rows, columns], or the transpose of [paths, columns, rows].
template <bool kTransposed>
PackedMaps Packed(Precision precision, int64_t paths, const float* b, int64_t stride, int64_t rows,
                  int64_t columns, Scratch memory) {
  const Products& products = ProductsIn(precision);
  const int64_t width = Simd().panel, panels = Padded(columns) / width,
                one = PlacesOf(precision, rows) * width;
  float* packed = ScratchFloats(memory, paths * panels * one);
  ParallelFor(0, paths * panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % panels * width, count = std::min(width, columns - first);
      const float* from = b + i / panels * stride;
      if (kTransposed) {
        products.pack_transposed(from + first * rows, rows, rows, count, packed + i * one);
      } else {
        products.pack(from + first, columns, rows, count, nullptr, packed + i * one);
      }
    }
  });
  return {packed, panels * one, rows, columns, precision};
}

// Calls use(path, first, count) for the pieces of [begin, end), `each` of which belong to a path.
template <typename Use>
void ForEachPiece(int64_t begin, int64_t end, int64_t each, Use use) {
  while (begin < end) {
    const int64_t first = begin % each;
    const int64_t count = std::min(each - first, end - begin);
    use(begin / each, first, count);
    begin += count;
  }
}

// c [paths * rows, columns] = a [paths * rows, k] times the maps + add. Where the rows are cut for
// threads changes nothing, since each row is for itself.
void Multiply(const PackedMaps& maps, int64_t paths, int64_t rows, const float* a, const float* add,
              float* c) {
  ParallelFor(0, paths * rows, 24, [&](int64_t begin, int64_t end) {
    ForEachPiece(begin, end, rows, [&](int64_t path, int64_t first, int64_t count) {
      const int64_t row = path * rows + first;
      MultiplyRows(maps, path, count, a + row * maps.k,
                   add != nullptr ? add + row * maps.columns : nullptr, c + row * maps.columns);
    });
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

PackedMaps PackForward(const LinearShape& shape, const float* weight, int64_t stride,
                       Scratch panels) {
  return Packed<true>(shape.precision, shape.paths, weight, stride, shape.in, shape.out, panels);
}

PackedMaps PackInputGradient(const LinearShape& shape, const float* weight, int64_t stride,
                             Scratch panels) {
  return Packed<false>(shape.precision, shape.paths, weight, stride, shape.out, shape.in, panels);
}

void MultiplyRows(const PackedMaps& maps, int64_t path, int64_t rows, const float* a,
                  const float* add, float* c) {
  ProductsIn(maps.precision)
      .product({.a = a,
                .lda = maps.k,
                .rows = rows,
                .k = maps.k,
                .columns = maps.columns,
                .b = maps.packed + path * maps.stride,
                .b_rows = maps.k,
                .add = add,
                .ld_add = maps.columns,
                .c = c,
                .ldc = maps.columns});
}

void LinearForward(const LinearShape& shape, const float* x, const float* weight, int64_t stride,
                   const float* add, float* y) {
  Multiply(PackForward(shape, weight, stride, Scratch::kPanels), shape.paths, shape.rows, x, add,
           y);
}

void LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                         int64_t stride, float* dx) {
  Multiply(PackInputGradient(shape, weight, stride, Scratch::kPanels), shape.paths, shape.rows, dy,
           nullptr, dx);
}

void LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x, float* dweight,
                          int64_t stride) {
  const PackedMaps inputs = Packed<false>(shape.precision, shape.paths, x, shape.rows * shape.in,
                                          shape.rows, shape.in, Scratch::kPanels);
  const auto add = [&](int64_t path, int64_t first, int64_t count) {
    ProductsIn(shape.precision)
        .outer({.a = dy + path * shape.rows * shape.out + first,
                .lda = shape.out,
                .rows = shape.rows,
                .a_columns = count,
                .b_columns = shape.in,
                .b = inputs.packed + path * inputs.stride,
                .c = dweight + path * stride + first * shape.in,
                .ldc = shape.in});
  };
  // Threads take columns of dy. No sum is cut.
  ParallelFor(0, shape.paths * shape.out, 12,
              [&](int64_t begin, int64_t end) { ForEachPiece(begin, end, shape.out, add); });
}

}  // namespace braid::trainer
