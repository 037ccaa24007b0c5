#define BRAID_LANES 16
#define BRAID_SIMD_NAME "avx512"
#define BRAID_SIMD_TABLE kAvx512Kernels
#include "trainer/kernels/simd/table.h"
