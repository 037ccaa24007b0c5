#include "base/normal_pairs.h"

namespace braid {

#ifdef BRAID_SIMD_X86
extern const NormalPairsMethod kNormalPairsAvx2;
#endif

namespace {

void FillOneByOne(const PairStream& stream, uint64_t first, int64_t count, float* out,
                  ExactPair exact) {
  for (int64_t i = 0; i < count; ++i) exact(stream, first + static_cast<uint64_t>(i), out + 2 * i);
}

constexpr NormalPairsMethod kNormalPairsGeneric = {"generic", FillOneByOne};

}  // namespace

const NormalPairsMethod* const* UsableNormalPairs(int* count) {
#ifdef BRAID_SIMD_X86
  static const NormalPairsMethod* const kAll[] = {&kNormalPairsGeneric, &kNormalPairsAvx2};
  __builtin_cpu_init();
  *count = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 2 : 1;
#else
  static const NormalPairsMethod* const kAll[] = {&kNormalPairsGeneric};
  *count = 1;
#endif
  return kAll;
}

const NormalPairsMethod& BestNormalPairs() {
  static const NormalPairsMethod& best = []() -> const NormalPairsMethod& {
    int count = 0;
    const NormalPairsMethod* const* all = UsableNormalPairs(&count);
    return *all[count - 1];
  }();
  return best;
}

}  // namespace braid
