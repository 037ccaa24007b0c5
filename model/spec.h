// What a model is, as data: kinds, widths, and the fields that decide which function given weights
// compute. The same JSON stands in recipes (expanded), in task files and in the config.json of
// every checkpoint.
//
// Words and formulas: docs/models.md; sections and field ids (A1..A5) are those of the PaPaformer
// specification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/connection.h"
#include "model/rope.h"
#include "model/stack.h"
#include "schema/words.h"

namespace braid::model {

// A2: SwiGLU with SiLU, or with a learned beta for each hidden unit.
enum class FfnGate { kSilu, kBetaSwish };
// A3: which numbers of a head rotate together, i and i + half, or neighbours.
enum class RopeLayout { kHalf, kInterleaved };
// A4: when Gumbel noise is added to a router's scores.
enum class RouterNoise { kTrainOnly, kAlways };
// depth_scaled: attn.o and ffn.down begin from N(0, 0.02 / sqrt(2 blocks)).
enum class ResidualInit { kPlain, kDepthScaled };
// The words of recipes and configurations.
const schema::Words& WordsOf(FfnGate);
const schema::Words& WordsOf(RopeLayout);
const schema::Words& WordsOf(RouterNoise);
const schema::Words& WordsOf(ResidualInit);

// The fields that change the tensors or the function (docs/papers/papaformer.md#s7, A1-A5).
struct Arch {
  bool attn_out_proj = true;                           // A1: attn.o [w, w]
  FfnGate ffn_gate = FfnGate::kSilu;                   // A2
  RopeLayout rope_layout = RopeLayout::kHalf;          // A3
  RouterNoise router_noise = RouterNoise::kTrainOnly;  // A4
  int64_t rope_max_pos = 0;  // A5: 0 grows on demand; otherwise longer input is an error
  double norm_eps = 1e-5;
  double rope_base = 10000.0;
  std::optional<RopeScaling> rope_scaling;
  ResidualInit residual_init = ResidualInit::kPlain;

  friend bool operator==(const Arch&, const Arch&) = default;
};

// Dense: one stack of blocks, a path or a baseline. Composite: several paths side by side.
enum class Kind { kDense, kComposite };
const schema::Words& WordsOf(Kind);

// A path is a dense model like any other; what makes it a path is its place in a composite.
struct ModelSpec {
  Kind kind = Kind::kDense;
  std::string name;
  int64_t vocab = 0;   // rows V of embedding and head, the pad row included
  int64_t pad_id = 0;  // its embedding row is zero and gets no gradient
  int64_t eos_id = 0;
  int64_t sequence = 256;  // T of training, for FLOPs and for max_position_embeddings on export
  std::string tokenizer;   // SHA-256 of tokenizer.json; empty while not known (a plan before the
                           // tokenizer is trained)
  Arch arch;

  Stack dense;  // kind kDense

  // kind kComposite (docs/papers/papaformer.md#s2, #s10): N = paths.size() paths of any widths,
  // depths and blocks.
  Connection connection;
  std::vector<Stack> paths;  // in the order of their slices of embedding and head
  Stack large;  // width D = sum of the paths' d; `blocks` is 2: one before the parallel layers, one
                // after; 1: after them alone; 0: there is none, and only the width means something

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;

  // Of composites: whether there is a large block before the parallel layers, or after them.
  bool has_large_before() const { return large.blocks > 1; }
  bool has_large_after() const { return large.blocks > 0; }
  // Width of embedding, final norm and head: d of a dense model, D of a composite.
  int64_t width() const { return kind == Kind::kDense ? dense.d : large.d; }
  // Number of parallel layers L of a composite: blocks of its deepest path. A path that has run out
  // hands its input on.
  int64_t parallel_layers() const;
  // Width of the stream between parallel layers (share, routed): that of the widest path.
  int64_t common_width() const;
  // First column of path `index` in the D-wide embedding, head and slices.
  int64_t slice_begin(size_t index) const;
  // A composite whose router chooses between the paths for each token.
  bool chooses() const { return kind == Kind::kComposite && connection.chooses(); }
};

// Checks every constraint between fields (heads divide d, even head size, widths that add up, ...).
// The error names the field.
Status Validate(const ModelSpec& spec);

// Exact inverses; FromJson refuses unknown fields, wrong types and what Validate refuses. `path`
// names the place in errors.
Json ToJson(const ModelSpec& spec);
Result<ModelSpec> FromJson(const Json& json, const std::string& path = "model");

// The dense model that path `index` of `composite` is when it stands alone.
ModelSpec PathAlone(const ModelSpec& composite, size_t index);

// A field of Arch in which two models differ, with both values. Only fields that change what given
// blocks compute: the paths of a composite must agree in them. A4 and A5 are not among them.
struct ArchDifference {
  std::string field;
  Json a, b;
};
// In the order of the fields; empty if a composite can have both.
std::vector<ArchDifference> ArchDifferences(const Arch& a, const Arch& b);

// A1-A5 as published, the preset `compat: paper`; an Arch by itself is that of `fixed`.
Arch PaperArch();

// Why the maps between the streams of a model, which has some of them from a base or none, cannot
// be scaled to the size of its paths' own streams; empty if they can.
std::string WhyNoMatch(const ModelSpec& spec, bool over_base = false);

}  // namespace braid::model
