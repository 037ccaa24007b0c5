// The blocks: llama, wide, loop and dual_path. One call for all of them: [rows, w] in, [rows, w]
// out.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/stack.h"
#include "trainer/network/forward_context.h"

namespace braid::trainer {

// A low-rank addition to q and v of one attention: x -> factor B A dropout(x). A [rank, w], B [w,
// rank].
struct Adapter {
  at::Tensor q_a, q_b, v_a, v_b;
  double factor = 1;
  double dropout = 0;
};

// Attention and feed-forward with their norms. Tensors are leaves that are views of the flat
// buffers; or those of `paths` equal blocks stacked, [paths, ...]: then rows are [paths * rows],
// path by path.
struct Sublayers {
  int64_t paths = 1;
  int64_t heads = 0;
  at::Tensor attn_norm, qkv, o, q_norm, k_norm, ffn_norm, gate_up, beta, down;  // o, q_norm,
                                                                                // k_norm, beta may
                                                                                // be undefined
  Adapter adapter;
};

inline constexpr int64_t kNoLayer = -1;

struct Block {
  const model::Stack* stack = nullptr;  // outlives the block
  std::string place;                    // prefix of its tensors, "parallel.1.path.0"
  int64_t layer = 0;  // its number in the stack, or of the parallel layer; kNoLayer of large blocks
  Sublayers body;     // llama, or the deep path
  Sublayers wide;
  at::Tensor deep_scale, wide_scale;  // a_k [K], beta [1]
  at::Tensor router, router_bias;     // [1, w + 1], [1]
  at::Tensor gate, gate_bias;         // [1 or 2, w], [1 or 2]
  at::Tensor cross_deep, cross_wide, cross_deep_scale, cross_wide_scale;
};

// Gives the leaf at a tensor's name, in a shape of as many elements (neighbours in the layout may
// be taken together).
using LeafMaker =
    std::function<at::Tensor(const std::string& name, const std::vector<int64_t>& shape)>;

Block MakeBlock(const LeafMaker& leaf, const std::string& place, int64_t layer,
                const model::Stack& stack, const model::Arch& arch);

// The sublayers of equal llama blocks as one: their weights are small beside activations, and
// copying them together costs less than a product for each.
Sublayers Stacked(const std::vector<Block>& blocks);

// u = x + s Attn(norm(x)); u + s FFN(norm(u)), s = 1 if undefined. (docs/papers/papaformer.md#s1.1,
// docs/papers/dual_path.md#s1.1) x [paths * batch * sequence, w]. `place` names its random numbers.
at::Tensor RunSublayers(const Sublayers& sublayers, const at::Tensor& x, const at::Tensor& scale,
                        const std::string& place, ForwardContext& pass);

at::Tensor RunBlock(const Block& block, const at::Tensor& x, ForwardContext& pass);

// x [rows, in] by weight [out, in]; or x [paths * rows, in] by [paths, out, in], path by path.
at::Tensor Product(const at::Tensor& x, const at::Tensor& weight);

}  // namespace braid::trainer
