// Pairs of normal numbers of a random stream, many at a time; base/random.h has them one by one.
// Internal to base/random.cc and its tests.
#pragma once

#include <stdint.h>

namespace braid {

// Identifies a random stream by the two constant parts of Philox's input: its key, and the upper
// half of its counter. The lower half of the counter is the index of the pair.
struct PairStream {
  uint32_t key[2];
  uint32_t name[2];
};

// Writes the two numbers of one pair, computed by the functions of the C library.
using ExactPair = void (*)(const PairStream& stream, uint64_t pair, float* out);

// An implementation for one instruction set. `fill` writes the pairs first .. first + count - 1 to
// out [2 * count], bit for bit as `exact` computes them. Where the rounding of its own faster
// functions is uncertain, which is rare, it calls `exact` for the pair.
struct NormalPairsMethod {
  const char* name;  // "generic" or "avx2"
  void (*fill)(const PairStream& stream, uint64_t first, int64_t count, float* out,
               ExactPair exact);
};

// The fastest method that this processor can run.
const NormalPairsMethod& BestNormalPairs();
// All methods that were compiled and that this processor can run, for tests that compare them.
// `count` receives their number.
const NormalPairsMethod* const* UsableNormalPairs(int* count);

}  // namespace braid
