// Pairs of normal numbers of a random stream, many at a time; base/random.h has them one by one.
// Internal to base/random.cc and its tests.
#pragma once

#include <stdint.h>

namespace braid {

// Which stream: the key of Philox, and the upper half of its counter. The lower half is the number
// of the pair.
struct PairStream {
  uint32_t key[2];
  uint32_t name[2];
};

// Writes the two numbers of one pair, computed by the functions of the C library.
using ExactPair = void (*)(const PairStream& stream, uint64_t pair, float* out);

// Writes the numbers of the pairs first .. first + count - 1 to out [2 * count]: what `exact`
// writes, bit for bit. It is also called, for the few pairs of which this method cannot be sure.
struct NormalPairsMethod {
  const char* name;  // "generic" or "avx2"
  void (*fill)(const PairStream& stream, uint64_t first, int64_t count, float* out,
               ExactPair exact);
};

// The fastest method that this processor has.
const NormalPairsMethod& BestNormalPairs();
// Those that were compiled and that it can run, and how many there are.
const NormalPairsMethod* const* UsableNormalPairs(int* count);

}  // namespace braid
