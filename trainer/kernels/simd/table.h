// The table of the functions for the instruction set that is being compiled for. A source includes
// this once, after it has defined BRAID_LANES, BRAID_SIMD_NAME and BRAID_SIMD_TABLE.
#include "trainer/kernels/simd/attention.h"
#include "trainer/kernels/simd/cached_attention.h"
#include "trainer/kernels/simd/dots.h"
#include "trainer/kernels/simd/products_table.h"
#include "trainer/kernels/simd/rows.h"

namespace braid::trainer {
extern const SimdKernels BRAID_SIMD_TABLE;
// NOLINTNEXTLINE(misc-definitions-in-headers): see above
constinit const SimdKernels BRAID_SIMD_TABLE = {
    .name = BRAID_SIMD_NAME,
    .fp32_name = BRAID_SIMD_NAME,
    .bf16_name = BRAID_SIMD_NAME,
    .panel = kPanel,
    .fp32 = ProductsOf<Fp32>(),
    .bf16 = ProductsOf<Bf16>(),
    .multiplies_bf16 = false,
    .dots = Dots,
    .swiglu = SwiGlu,
    .swiglu_backward = SwiGluBackward,
    .rms_norm = RmsNorm,
    .rms_norm_backward = RmsNormBackward,
    .attention = AttentionForward,
    .attention_backward = AttentionBackward,
    .attention_scratch = AttentionScratch,
    .cached_attention = CachedAttention,
    .cached_scratch = CachedScratch,
    .adamw = AdamW,
    .sum_of_squares = SumOfSquares,
    .exp = ExpAll,
};

}  // namespace braid::trainer
