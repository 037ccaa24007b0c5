// What blocks are made of: attention and feed-forward, and the deep and wide paths of the dual-path
// paper (docs/papers/dual_path.md#s1). Each part has its checks, tensors and operations here, and a
// block is a choice of parts.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/flops.h"
#include "model/stack.h"
#include "model/tensor_list.h"

namespace braid::model {

// Attention and feed-forward of hidden width `ffn`, with their norms.
void AddSublayers(const TensorList& to, const BlockShape& shape, int64_t ffn);
// One pass of a token through them.
Flops SublayerFlops(const Stack& stack, const Arch& arch, int64_t ffn, int64_t sequence);

// The deep path: sublayers that run Dual::loops times, and the router of its steps.
Status CheckDeep(const Stack& stack, const std::string& where);
// Its tensors, and the operations of one token.
void AddDeep(const TensorList& to, const BlockShape& shape);
Flops DeepFlops(const Stack& stack, const Arch& arch, int64_t sequence);

// The wide path: sublayers that run once.
Status CheckWide(const Stack& stack, const std::string& where);
// Its tensors, and the operations of one token.
void AddWide(const TensorList& to, const BlockShape& shape);
Flops WideFlops(const Stack& stack, const Arch& arch, int64_t sequence);

// Of blocks without such a part: its settings are at their defaults.
Status CheckNoDeep(const Stack& stack, const std::string& where);
Status CheckNoWide(const Stack& stack, const std::string& where);
Status CheckNoCross(const Stack& stack, const std::string& where);
// What all blocks with scaled sublayers have: where the scales begin.
Status CheckScales(const Stack& stack, const std::string& where);

// The role of the scalars a_k and beta, by Dual::scale_decay.
Role ScaleRole(const Dual& dual);

}  // namespace braid::model
