// The canonical tensors of a model: their names, shapes, initial values and order. This list is the
// single source for the trainer's flat buffers, checkpoints, the merge's account and parameter
// counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"

namespace braid::model {

// How a tensor is initialized.
enum class Init {
  kNormal,    // N(0, scale) from RandomStream(seed, name), element i from Normal(i), row-major; pad
              // rows are then zeroed
  kConstant,  // scale itself
  kIdentity,  // zeros and ones, as `identity` places them
  kOrthogonal,  // a random orthogonal matrix of RandomStream(seed, name) (model/orthogonal.h),
                // times scale
};

// The use of a tensor, by which the optimizer decides on weight decay (T5 of
// docs/papers/papaformer.md#s7).
enum class Role { kEmbedding, kMatrix, kHead, kGain, kBeta, kBias, kScale, kDecayedScale };

// A matrix of zeros and ones: rows and columns fall into pieces of these widths, one after another
// (empty: one piece of all), and entry (r, c) is 1 if r and c stand at the same place of their
// pieces.
struct IdentityMap {
  std::vector<int64_t> rows, columns;
  bool mean = false;          // each row is divided by the number of its ones
  int64_t column_piece = -1;  // only the columns of this piece count; -1: of all
};

// One tensor of a model: the source of files, initial values, decay and counts alike.
struct TensorSpec {
  std::string name;            // "blocks.0.attn.q.weight", "parallel.1.path.0.ffn.down.weight", ...
  std::vector<int64_t> shape;  // linear weights are [out, in]
  Init init = Init::kNormal;
  Role role = Role::kMatrix;
  int64_t pad_row = -1;       // row that stays zero and gets no gradient (embedding), or -1
  double scale = 0.02;        // deviation, the constant, or a factor
  IdentityMap identity = {};  // of kIdentity

  // The number of elements: the product of the shape.
  int64_t elements() const;
  // Whether weight decay applies to it under `decay_scope: matrices`.
  bool decays() const {
    return role == Role::kMatrix || role == Role::kHead || role == Role::kDecayedScale;
  }
};

// All tensors of the model in forward order (docs/papers/papaformer.md#s2, #s10,
// docs/papers/dual_path.md#s9). w is the width of a stack, D the sum of the paths' widths d_p, c
// the width of the widest path, N the number of paths, f a hidden width, B a block (below).
//
//   all models       embed.weight [V, w], ..., norm.weight [w], head.weight [V, w]; w = D for a
//                    composite
//   dense            blocks.{i}.B
//   share, routed    large.0.B, shrink, parallel layers, grow (routed only), large.1.B
//   slice            large.0.B, parallel layers, large.1.B, gate.weight [N, D], gate.bias [N]
//
// A composite with one large block has large.1 alone, and one without has neither.
//
// Between the large blocks of a composite; the parallel layer l has path.{p}.B for each path p with
// more than l blocks:
//
//   shrink.weight [c, D]                   if all d_p are equal, else
//   shrink.{p}.weight [d_p, D]
//   grow.weight [D, c]                     routed
//   parallel.{l}.path_in.{p}.weight [d_p, c]   routed, where d_p < c and l > 0
//   parallel.{l}.path.{p}.B
//   parallel.{l}.path_out.{p}.weight [c, d_p]  routed, where d_p < c
//   parallel.{l}.share.weight [c, D]       share; of the last layer [D, D]
//   parallel.{l}.combine.weight [c, D], combine.bias [c]       routed
//   parallel.{l}.router.weight [N + 1, r], router.bias [N + 1]  routed, except router `none`; r is
//                                          the width of what the router reads
//   parallel.{l}.norm.weight               of the width that the connection gives
//   parallel.{l}.cross.weight [D, D]       slice with `cross`; with `cross_rank` r, instead,
//   parallel.{l}.cross.read.weight [r, D], parallel.{l}.cross.write.weight [D, r]
//
// The block B of `llama` (model/blocks/), where Arch decides on attn.o and ffn.beta, and v is the
// width of all heads of values (w, unless queries share them):
//
//   attn_norm.weight [w], attn.{q,o}.weight [w, w], attn.{k,v}.weight [v, w],
//   ffn_norm.weight [w], ffn.{gate,up}.weight [f, w], ffn.down.weight [w, f], ffn.beta [f]
//
// The block B of the others has the same with `deep.` and/or `wide.` in front, and
//
//   attn.{q,k}_norm.weight [head size]     if qk_norm
//   deep.scale [K], wide.scale [1]
//   router.weight [1, w + 1], router.bias [1]   if mix is `act`
//   gate.weight [2, w], gate.bias [2]      dual_path; one row if the gate is convex
//   cross.{deep,wide}.weight [w, w], cross.{deep,wide}_scale [1]   dual_path with `cross`
//
// Under `init: orthogonal` of the connection, the maps between streams (shrink, share, combine,
// grow, path_in and path_out) begin as random orthogonal matrices. Under `init: identity`, they
// begin as identities: shrink as the sum of the slices of the large stream (of unequal widths,
// shrink.{p} as slice p); share and combine as the mean of the paths' outputs, place by place (the
// last share, [D, D], as the identity); grow as a copy of the stream in every slice; path_in and
// path_out as the first places of the wider stream.
std::vector<TensorSpec> Tensors(const ModelSpec& spec);

// Fills out[0 .. elements) with the initial values of `tensor` under `seed`. Pure: merge and
// training from scratch agree bit for bit, on any machine.
void Initialize(const TensorSpec& tensor, uint64_t seed, float* out);
// The same for elements [begin, begin + count) alone, for writers with constant memory.
void InitializeRange(const TensorSpec& tensor, uint64_t seed, int64_t begin, int64_t count,
                     float* out);

// Sum of elements over Tensors(spec).
int64_t ParameterCount(const ModelSpec& spec);
// The same without embedding and head.
int64_t BodyParameterCount(const ModelSpec& spec);

// Width that parallel layer `layer` reads: D for the first layer of paths of unequal width, else
// the common width.
int64_t LayerInputWidth(const ModelSpec& spec, int64_t layer);
// Width of the output of the layer's connection: D for the last layer of share, else the common
// width.
int64_t LayerOutputWidth(const ModelSpec& spec, int64_t layer);
// Width r that the router of `layer` reads. REQUIRES: the connection is routed.
int64_t RouterInputWidth(const ModelSpec& spec, int64_t layer);
// Whether all paths of a composite have the same width.
bool EqualWidths(const ModelSpec& spec);
// The number of parallel layers at which a choice between the paths can be observed
// (docs/papers/papaformer.md#s8.4): those with a router, or of `share` all but the last, whose
// output is wider, if the paths are of one width.
int64_t DecidingLayers(const ModelSpec& spec);

}  // namespace braid::model
