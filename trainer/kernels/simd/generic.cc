#define BRAID_LANES 4
#define BRAID_SIMD_NAME "generic"
#define BRAID_SIMD_TABLE kGenericKernels
#include "trainer/kernels/simd/table.h"
