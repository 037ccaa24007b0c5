// The products of bf16 alone: all else is the same as in avx512.cc.
#define BRAID_LANES 16
#include "trainer/kernels/simd/amx_head.h"
#include "trainer/kernels/simd/products_table.h"

namespace braid::trainer {

extern const Products kAmxProducts;
// What is packed and rounded, and the exponentials, are as those of avx512_bf16.cc.
constinit const Products kAmxProducts = [] {
  Products products = ProductsOf<Bf16>();
  products.product = TileProduct;
  products.outer = TileOuter;
  products.head_logits = TileHeadLogits;
  products.head_columns = TileHeadColumns;
  products.head_input_gradient = TileHeadInputGradient;
  products.head_weight_gradient = TileHeadWeightGradient;
  return products;
}();

}  // namespace braid::trainer
