#include "trainer/kernels/piece_sums.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/pieces.h"

namespace braid::trainer {
namespace {

// Columns that are added together: their sums stay in registers or in the first cache.
constexpr int64_t kColumns = 64;
// Elements for which waking another thread pays.
constexpr int64_t kWorthAThread = 1 << 15;

}  // namespace

at::Tensor SumOfPieces(const at::Tensor& pieces) {
  const int64_t parts = pieces.size(0), count = pieces.size(1), w = pieces.size(2),
                each = (w + kColumns - 1) / kColumns;
  at::Tensor sums = at::empty({parts, w}, pieces.options());
  const float* all = Read(pieces);
  float* out = Data(sums);
  const int64_t grain = std::max<int64_t>(1,
                                          kWorthAThread / std::max<int64_t>(1, count * kColumns));
  ParallelFor(0, parts * each, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t part = unit / each, first = unit % each * kColumns,
                    columns = std::min(kColumns, w - first);
      std::array<double, kColumns> sum{};
      for (int64_t piece = 0; piece < count; ++piece) {
        const float* row = all + (part * count + piece) * w + first;
        for (int64_t i = 0; i < columns; ++i) sum[static_cast<size_t>(i)] += row[i];
      }
      float* to = out + part * w + first;
      for (int64_t i = 0; i < columns; ++i) to[i] = static_cast<float>(sum[static_cast<size_t>(i)]);
    }
  });
  return sums;
}

}  // namespace braid::trainer
