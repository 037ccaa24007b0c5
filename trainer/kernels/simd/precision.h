// In which numbers the products of a training step are computed on the CPU.
#pragma once

#include <cstdint>

namespace braid::trainer {

// kBf16: both operands of a product are rounded to bf16 (8 significant bits, to nearest, ties to
// even), and what they give is added up in fp32. Everything else stays fp32: weights, gradients,
// norms, softmax and losses.
enum class Precision { kFp32, kBf16 };

// The floats that `count` neighbours of a sum take in a packed matrix: two numbers of bf16 share
// the place of one.
inline int64_t PlacesOf(Precision precision, int64_t count) {
  return precision == Precision::kBf16 ? (count + 1) / 2 : count;
}

}  // namespace braid::trainer
