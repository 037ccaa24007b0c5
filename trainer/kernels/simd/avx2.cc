#define BRAID_LANES 8
#define BRAID_SIMD_NAME "avx2"
#define BRAID_SIMD_TABLE kAvx2Kernels
#include "trainer/kernels/simd/table.h"
