// What a collective does that has no way of its own: through sums of doubles, which each has.
#include <algorithm>
#include <bit>
#include <vector>

#include "trainer/collective/collective.h"

namespace braid::trainer {
namespace {

// Elements that are added up at a time.
constexpr int64_t kDoublesPiece = int64_t{1} << 16;

}  // namespace

Status Collective::AllReduce(Bf16* data, int64_t count) {
  std::vector<double> piece;
  for (int64_t begin = 0; begin < count; begin += kDoublesPiece) {
    const int64_t size = std::min(kDoublesPiece, count - begin);
    piece.resize(static_cast<size_t>(size));
    for (int64_t i = 0; i < size; ++i) piece[static_cast<size_t>(i)] = ToFloat(data[begin + i]);
    BRAID_RETURN_IF_ERROR(AllReduce(piece.data(), size));
    for (int64_t i = 0; i < size; ++i)
      data[begin + i] = ToBf16(static_cast<float>(piece[static_cast<size_t>(i)]));
  }
  return OkStatus();
}

// Each rank in turn gives its floats as whole numbers, their bits, which survive a sum with zeros.
Status Collective::Gather(const float* data, int64_t count, float* all) {
  std::vector<double> piece;
  for (int64_t from = 0; from < world(); ++from) {
    for (int64_t begin = 0; begin < count; begin += kDoublesPiece) {
      const int64_t size = std::min(kDoublesPiece, count - begin);
      piece.assign(static_cast<size_t>(size), 0.0);
      for (int64_t i = 0; i < size && from == rank(); ++i)
        piece[static_cast<size_t>(i)] = std::bit_cast<uint32_t>(data[begin + i]);
      BRAID_RETURN_IF_ERROR(AllReduce(piece.data(), size));
      for (int64_t i = 0; i < size && rank() == 0; ++i) {
        all[from * count + begin + i] = std::bit_cast<float>(
            static_cast<uint32_t>(piece[static_cast<size_t>(i)]));
      }
    }
  }
  return OkStatus();
}

}  // namespace braid::trainer
