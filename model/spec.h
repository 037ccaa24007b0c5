// What a model is, as data: kinds, widths, and the fields that decide which function given weights compute. The same
// JSON stands in recipes (expanded), in task files and in the config.json of every checkpoint.
//
// Words and formulas: docs/models.md; sections and field ids (A1..A5) are those of the PaPaformer specification.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::model {

// The fields that change the tensors or the function (PaPaformer section 7, A1-A5).
struct Arch {
  bool attn_out_proj = true;          // A1: attn.o [w, w]
  std::string ffn_gate = "silu";      // A2: silu | beta_swish (learned beta [4w])
  std::string rope_layout = "half";   // A3: half | interleaved
  std::string router_noise = "train_only";  // A4: train_only | always
  int64_t rope_max_pos = 0;           // A5: 0 grows on demand; otherwise longer input is an error
  double norm_eps = 1e-5;
  double rope_base = 10000.0;

  friend bool operator==(const Arch&, const Arch&) = default;
};

// A stack of equal decoder blocks: a dense model, a path, or the large blocks of a composite.
struct Stack {
  std::string name;             // "path_1"; of a dense model, the model's name
  int64_t d = 0;                // width w
  int64_t heads = 0;            // head size d / heads
  int64_t blocks = 0;
  int64_t ffn = 0;              // hidden width of the feed-forward, 4d unless said otherwise
  std::string block = "llama";

  friend bool operator==(const Stack&, const Stack&) = default;
};

enum class Kind { kDense, kComposite };

// A path is a dense model like any other; what makes it a path is its place in a composite.
struct ModelSpec {
  Kind kind = Kind::kDense;
  std::string name;
  int64_t vocab = 0;      // rows V of embedding and head, the pad row included
  int64_t pad_id = 0;     // its embedding row is zero and gets no gradient
  int64_t eos_id = 0;
  int64_t sequence = 256; // T of training, for FLOPs and for max_position_embeddings on export
  std::string tokenizer;  // SHA-256 of tokenizer.json; empty while not known (a plan before the tokenizer is trained)
  Arch arch;

  Stack dense;  // kind kDense

  // kind kComposite: Share_Linear of PaPaformer section 2 with N = paths.size() paths of one width d and depth.
  std::string connect = "share";
  std::vector<Stack> paths;
  Stack large;            // width D = N * d; `blocks` is 2: one before the parallel layers, one after

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;

  // Width of embedding, final norm and head: d of a dense model, D of a composite.
  int64_t width() const { return kind == Kind::kDense ? dense.d : large.d; }
  // Number of parallel layers of a composite.
  int64_t parallel_layers() const { return paths.empty() ? 0 : paths.front().blocks; }
};

// Checks every constraint between fields (heads divide d, even head size, equal paths, ...). The error names the field.
Status Validate(const ModelSpec& spec);

// Exact inverses; FromJson refuses unknown fields, wrong types and what Validate refuses. `path` names the place in errors.
Json ToJson(const ModelSpec& spec);
Result<ModelSpec> FromJson(const Json& json, const std::string& path = "model");

// The dense model that path `index` of `composite` is when it stands alone.
ModelSpec PathAlone(const ModelSpec& composite, size_t index);

// The `compat` presets of A1-A5: "paper" or "fixed".
Result<Arch> ArchPreset(const std::string& compat);

}  // namespace braid::model
