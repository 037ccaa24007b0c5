#include "trainer/kernels/simd/tile_permission.h"

#ifdef BRAID_SIMD_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace braid::trainer {

#ifdef BRAID_SIMD_X86
namespace {

bool HasTilesOfBf16() {
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBf16) != 0 && (d & kTile) != 0;
}

bool AskForTileData() {
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM of asm/prctl.h, XSAVE
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

}  // namespace
#endif

bool MayUseTiles() {
#ifdef BRAID_SIMD_X86
  static const bool granted = HasTilesOfBf16() && AskForTileData();
  return granted;
#else
  return false;
#endif
}

}  // namespace braid::trainer
