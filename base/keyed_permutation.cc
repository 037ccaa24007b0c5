#include "base/keyed_permutation.h"

#include <cmath>

#include "base/status.h"

namespace braid {
namespace {

// Four make a network of random functions hard to tell from a random permutation (Luby and
// Rackoff); twice as many, because the rectangles of short lists are small.
constexpr uint64_t kRounds = 8;

// The smallest whole number whose square is at least n.
uint64_t RootAbove(uint64_t n) {
  auto root = static_cast<uint64_t>(std::sqrt(static_cast<double>(n)));
  while (root > 0 && (root - 1) * (root - 1) >= n) --root;
  while (root * root < n) ++root;
  return root;
}

}  // namespace

KeyedPermutation::KeyedPermutation(const RandomStream& stream, uint64_t count)
    : stream_(stream), count_(count) {
  BRAID_CHECK(count > 0 && count < uint64_t{1} << 62);
  rows_ = RootAbove(count);
  columns_ = (count + rows_ - 1) / rows_;
}

uint64_t KeyedPermutation::At(uint64_t index) const {
  // What falls outside of the list is enciphered again until it falls inside.
  uint64_t value = Encipher(index);
  while (value >= count_) value = Encipher(value);
  return value;
}

uint64_t KeyedPermutation::Encipher(uint64_t value) const {
  uint64_t row = value / columns_, column = value % columns_;
  // Feistel rounds on a rectangle: each half is moved by a number drawn from the other, which can
  // be taken back.
  for (uint64_t round = 0; round < kRounds; ++round) {
    if (round % 2 == 0) {
      row = (row + stream_.Below(column * kRounds + round, rows_)) % rows_;
    } else {
      column = (column + stream_.Below(row * kRounds + round, columns_)) % columns_;
    }
  }
  return row * columns_ + column;
}

}  // namespace braid
