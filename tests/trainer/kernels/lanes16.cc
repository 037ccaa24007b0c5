#define BRAID_LANES 16
#define BRAID_SIMD_NAME "lanes16"
#define BRAID_SIMD_TABLE kLanes16Kernels
#include "trainer/kernels/simd/table.h"
