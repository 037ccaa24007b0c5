// The parts of blocks: a pair of sublayers (attention and feed-forward), and the deep and wide
// paths of the dual-path paper (docs/papers/dual_path.md#s1). For each part there are functions
// that check its settings, list its tensors and count its operations; each kind of block combines
// some of them.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/flops.h"
#include "model/stack.h"
#include "model/tensor_list.h"

namespace braid::model {

// Appends the tensors of one attention and one feed-forward of hidden width `ffn`, with their
// norms.
void AddSublayers(const TensorList& to, const BlockShape& shape, int64_t ffn);
// Floating-point operations per token of one pass through these two sublayers.
Flops SublayerFlops(const Stack& stack, const Arch& arch, int64_t ffn, int64_t sequence);

// The deep path: sublayers that run Dual::loops times with the same weights, and the router that
// weighs the steps. Errors are kInvalidArgument and begin with `where`, here and below.
Status CheckDeep(const Stack& stack, const std::string& where);
// Append the deep path's tensors, and count its operations per token over all steps.
void AddDeep(const TensorList& to, const BlockShape& shape);
Flops DeepFlops(const Stack& stack, const Arch& arch, int64_t sequence);

// The wide path: sublayers that run once, beside or instead of the deep path.
Status CheckWide(const Stack& stack, const std::string& where);
// Append the wide path's tensors, and count its operations per token.
void AddWide(const TensorList& to, const BlockShape& shape);
Flops WideFlops(const Stack& stack, const Arch& arch, int64_t sequence);

// For blocks without a deep path, a wide path, or cross maps between the two: check that the
// settings of the missing part have their defaults.
Status CheckNoDeep(const Stack& stack, const std::string& where);
Status CheckNoWide(const Stack& stack, const std::string& where);
Status CheckNoCross(const Stack& stack, const std::string& where);
// Checks Dual::scale_init, the initial value of the scales a_k and beta.
Status CheckScales(const Stack& stack, const std::string& where);

// The role of the scalars a_k and beta: with weight decay if Dual::scale_decay, else without.
Role ScaleRole(const Dual& dual);

}  // namespace braid::model
