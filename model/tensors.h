// The canonical tensors of a model: their names, shapes, initial values and order. This list is the single source for
// the trainer's flat buffers, checkpoints, the merge's account and parameter counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"

namespace braid::model {

enum class Init {
  kNormal,  // N(0, 0.02) from RandomStream(seed, name), element i from Normal(i), row-major; pad rows are then zeroed
  kOnes,    // norm gains, beta
  kZeros,
};

// What a tensor is for, as far as the optimizer cares (T5 of PaPaformer section 7).
enum class Role { kEmbedding, kMatrix, kHead, kGain, kBeta, kBias };

struct TensorSpec {
  std::string name;  // "blocks.0.attn.q.weight", "parallel.1.path.0.ffn.down.weight", ...
  std::vector<int64_t> shape;  // linear weights are [out, in]
  Init init = Init::kNormal;
  Role role = Role::kMatrix;
  int64_t pad_row = -1;  // row that stays zero and gets no gradient (embedding), or -1

  int64_t elements() const;
};

// All tensors of the model in forward order. Names (PaPaformer section 2):
//   embed.weight [V, w]
//   dense:      blocks.{i}.B
//   composite:  large.0.B, shrink.weight [d, D], parallel.{l}.path.{p}.B, parallel.{l}.share.weight [d or D, N*d], large.1.B
//   norm.weight [w], head.weight [V, w]
// with B = attn_norm.weight [w], attn.{q,k,v,o}.weight [w, w], ffn_norm.weight [w], ffn.{gate,up}.weight [f, w],
// ffn.down.weight [w, f], ffn.beta [f]; o and beta as Arch says.
std::vector<TensorSpec> Tensors(const ModelSpec& spec);

// Fills out[0 .. elements) with the initial values of `tensor` under `seed`. Pure: merge and training from scratch agree
// bit for bit, on any machine.
void Initialize(const TensorSpec& tensor, uint64_t seed, float* out);
// The same for elements [begin, begin + count) alone, for writers with constant memory.
void InitializeRange(const TensorSpec& tensor, uint64_t seed, int64_t begin, int64_t count, float* out);

// Sum of elements over Tensors(spec).
int64_t ParameterCount(const ModelSpec& spec);
// The same without embedding and head.
int64_t BodyParameterCount(const ModelSpec& spec);

// Floating point operations per token of a forward pass at T = spec.sequence, 2 a multiply-add, full T x T attention
// (PaPaformer section 2.2). Training costs three times as much.
double ForwardFlopsPerToken(const ModelSpec& spec);

}  // namespace braid::model
