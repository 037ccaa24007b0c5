// The two paths of the dual-path paper: a deep one that loops one set of weights, and a wide one
// that is applied once (docs/papers/dual_path.md#s1).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "trainer/network/block.h"

namespace braid::trainer {

// The intervention of a pass if it acts on the blocks of `layer`; otherwise null.
const Intervention* ChangeOf(const ForwardContext& pass, int64_t layer);

// The results of the steps of the deep path, and their weights.
struct Steps {
  std::vector<at::Tensor> hidden;   // h^1 .. h^K, [rows, w]
  std::vector<at::Tensor> routers;  // q_k of the routers that were computed, [rows, 1]
  std::vector<at::Tensor> weights;  // of the mix, [rows, 1]; of kFinal and kUniform empty
  at::Tensor mixed;                 // h_deep [rows, w]
};

// K steps of the same sublayers, each with its own scale, and a mix of their results
// (docs/papers/dual_path.md#s1.2).
class DeepPath {
 public:
  // Makes the leaves with the prefix of the block at `at` and "deep.".
  DeepPath(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch);

  // x [rows, w]. `change` may be null.
  Steps Run(const at::Tensor& x, const Intervention* change, ForwardContext& pass) const;
  // s_d^k of every step that was trained, [K].
  at::Tensor Scales() const;
  // Its attention, for adapters.
  Block::Attention attention() { return {&body_, place_ + ".deep"}; }

 private:
  const model::Dual& dual_;
  const std::string place_;
  Sublayers body_;
  at::Tensor scale_;                 // a_k [K]
  at::Tensor router_, router_bias_;  // [1, w + 1], [1]; of kAct
};

// One application of wide sublayers (docs/papers/dual_path.md#s1).
class WidePath {
 public:
  // Makes the leaves with the prefix of the block at `at` and "wide.".
  WidePath(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch);

  // h_wide [rows, w] of x [rows, w].
  at::Tensor Run(const at::Tensor& x, ForwardContext& pass) const;
  // s_w [1].
  at::Tensor Scale() const;
  // Its attention, for adapters.
  Block::Attention attention() { return {&body_, place_ + ".wide"}; }

 private:
  const std::string place_;
  Sublayers body_;
  at::Tensor scale_;  // beta [1]
};

}  // namespace braid::trainer
