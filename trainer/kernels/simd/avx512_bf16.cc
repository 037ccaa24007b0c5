// The products of bf16 alone: all else is the same as in avx512.cc.
#define BRAID_LANES 16
#include "trainer/kernels/simd/products_table.h"

namespace braid::trainer {

extern const Products kAvx512Bf16Products;
constinit const Products kAvx512Bf16Products = ProductsOf<Bf16>();

}  // namespace braid::trainer
