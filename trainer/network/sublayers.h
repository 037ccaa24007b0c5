// Attention and feed-forward with their norms and residuals: what every block is made of
// (docs/papers/papaformer.md#s1.1, docs/papers/dual_path.md#s1.1).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/spec.h"
#include "trainer/kernels/functions.h"
#include "trainer/network/forward_context.h"

namespace braid::trainer {

// Gives the leaf at a tensor's name, in a shape of as many elements (neighbours in the layout may
// be taken together).
using LeafMaker =
    std::function<at::Tensor(const std::string& name, const std::vector<int64_t>& shape)>;

// A low-rank addition to q and v of one attention: x -> factor B A dropout(x). A [rank, w], B [rows
// of q or v, rank].
struct Adapter {
  at::Tensor q_a, q_b, v_a, v_b;
  double factor = 1;
  double dropout = 0;
};

// The tensors are leaves that are views of the flat buffers; those of `paths` equal blocks
// stacked are [paths, ...]: then rows are [paths * rows], path by path.
struct Sublayers {
  int64_t paths = 1;
  HeadCounts heads{};
  at::Tensor attn_norm, ffn_norm;  // [w]
  at::Tensor qkv;                  // [w + 2 v, w], v the width of all heads of values
  at::Tensor o;                    // [w, w]; undefined without an output matrix
  at::Tensor q_norm, k_norm;       // [head size]; undefined without norms of heads
  at::Tensor gate_up;              // [2f, w]
  at::Tensor beta;                 // [f]; undefined without a learned beta
  at::Tensor down;                 // [w, f]
  Adapter adapter;
};

// The leaves whose names begin with `prefix` and a dot, with a feed-forward of hidden width `ffn`.
Sublayers MakeSublayers(const LeafMaker& leaf, const std::string& prefix, int64_t ffn,
                        const model::Stack& stack, const model::Arch& arch);

// Sublayers of equal shape as one, whose leaves are views of the same memory: in the layout the
// tensors of equal blocks lie at equal distances.
Sublayers Stacked(const std::vector<const Sublayers*>& equal);

// x [rows, in] by `weight` [out, in], which belongs to the network: as Linear, or, where tokens are
// read with their keys kept, as MapRows.
at::Tensor Mapped(const at::Tensor& x, const at::Tensor& weight, const ForwardContext& pass);

// u = x + s Attn(norm(x)); u + s FFN(norm(u)), s = 1 if undefined. x [paths * batch * sequence, w].
// `place` names its random numbers.
at::Tensor RunSublayers(const Sublayers& sublayers, const at::Tensor& x, const at::Tensor& scale,
                        const std::string& place, ForwardContext& pass);

}  // namespace braid::trainer
