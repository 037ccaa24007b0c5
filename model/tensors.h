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

enum class Init {
  kNormal,    // N(0, scale) from RandomStream(seed, name), element i from Normal(i), row-major; pad
              // rows are then zeroed
  kConstant,  // scale itself
  kIdentity,  // what `identity` says
};

// What a tensor is for, as far as the optimizer cares (T5 of PaPaformer section 7).
enum class Role { kEmbedding, kMatrix, kHead, kGain, kBeta, kBias, kScale, kDecayedScale };

// A matrix of zeros and ones: rows and columns fall into pieces of these widths, one after another
// (empty: one piece of all), and entry (r, c) is 1 if r and c stand at the same place of their
// pieces.
struct IdentityMap {
  std::vector<int64_t> rows, columns;
  bool mean = false;          // each row is divided by the number of its ones
  int64_t column_piece = -1;  // only the columns of this piece count; -1: of all
};

struct TensorSpec {
  std::string name;            // "blocks.0.attn.q.weight", "parallel.1.path.0.ffn.down.weight", ...
  std::vector<int64_t> shape;  // linear weights are [out, in]
  Init init = Init::kNormal;
  Role role = Role::kMatrix;
  int64_t pad_row = -1;       // row that stays zero and gets no gradient (embedding), or -1
  double scale = 0.02;        // deviation, or the constant
  IdentityMap identity = {};  // of kIdentity

  int64_t elements() const;
  // Under `decay_scope: matrices`.
  bool decays() const {
    return role == Role::kMatrix || role == Role::kHead || role == Role::kDecayedScale;
  }
};

// All tensors of the model in forward order (PaPaformer sections 2 and 10, dual-path specification
// section 9):
//   embed.weight [V, w]
//   dense:          blocks.{i}.B
//   share, routed:  large.0.B, shrink, parallel layers, grow (routed), large.1.B
//   slice:          large.0.B, parallel layers, large.1.B, gate.{weight [N, D], bias [N]}
//   norm.weight [w], head.weight [V, w]
// With c the common width (the widest path's) and D = sum of d_p:
//   shrink.weight [c, D] if all d_p are equal, else shrink.{p}.weight [d_p, D]; grow.weight [D, c]
//   parallel.{l}.path_in.{p}.weight [d_p, c], l > 0, and parallel.{l}.path_out.{p}.weight [c, d_p]
//   (routed), where d_p < c parallel.{l}.path.{p}.B for the l that path p has
//   parallel.{l}.share.weight [c, D], of the last layer [D, D]
//   parallel.{l}.combine.{weight [c, D], bias [c]}, parallel.{l}.router.{weight [N+1, r], bias
//   [N+1]} with r the width of
//     what the router reads; router `none` has none
//   parallel.{l}.norm.weight [what the connection gives]; parallel.{l}.cross.weight [D, D]
// The block B of `llama` is
//   attn_norm.weight [w], attn.{q,k,v,o}.weight [w, w], ffn_norm.weight [w], ffn.{gate,up}.weight
//   [f, w], ffn.down.weight [w, f], ffn.beta [f]; o and beta as Arch says.
// That of the others is `deep.` and/or `wide.` before the same, attn.{q,k}_norm.weight [head size]
// if qk_norm, and
//   deep.scale [K], wide.scale [1], router.{weight [1, w + 1], bias [1]} if mix is act, and of
//   dual_path gate.{weight [2, w], bias [2]} (convex: 1), cross.{deep,wide}.weight [w, w],
//   cross.{deep,wide}_scale [1] if cross.
// Under `init: identity` of the connection the maps between streams begin as identities instead of
// N(0, 0.02): shrink as the sum of the slices of the large stream (of unequal widths shrink.{p} as
// slice p), share and combine as the mean of the paths' outputs place by place (the last share, [D,
// D], as the identity), grow as the stream in every slice, path_in and path_out as the first places
// of the wider one.
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
// Width that its connection gives: D for the last layer of share, else the common width.
int64_t LayerOutputWidth(const ModelSpec& spec, int64_t layer);
bool EqualWidths(const ModelSpec& spec);
// Parallel layers at which a choice between the paths can be told (PaPaformer 8.4): those with a
// router, or of `share` all but the last, whose output is wider, if the paths are of one width.
int64_t DecidingLayers(const ModelSpec& spec);

}  // namespace braid::model
