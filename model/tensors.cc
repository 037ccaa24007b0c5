#include "model/tensors.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"

namespace braid::model {
namespace {

constexpr double kDeviation = 0.02;

// Appends tensors under a prefix.
class Namer {
 public:
  Namer(std::vector<TensorSpec>& all, std::string prefix) : all_(all), prefix_(std::move(prefix)) {}

  void Matrix(const std::string& name, int64_t out, int64_t in, double deviation = kDeviation) {
    Add(name, {out, in}, deviation == 0 ? Init::kConstant : Init::kNormal, Role::kMatrix,
        deviation);
  }
  void Identity(const std::string& name, int64_t out, int64_t in, const IdentityMap& identity) {
    Add(name, {out, in}, Init::kIdentity, Role::kMatrix, 1);
    all_.back().identity = identity;
  }
  void Gain(const std::string& name, int64_t width) {
    Add(name, {width}, Init::kConstant, Role::kGain, 1);
  }
  void Bias(const std::string& name, int64_t width) {
    Add(name, {width}, Init::kConstant, Role::kBias, 0);
  }
  void Constant(const std::string& name, int64_t width, Role role, double value) {
    Add(name, {width}, Init::kConstant, role, value);
  }
  Namer In(const std::string& name) const { return {all_, prefix_ + name + "."}; }

 private:
  void Add(const std::string& name, std::vector<int64_t> shape, Init init, Role role,
           double scale) {
    all_.push_back({prefix_ + name, std::move(shape), init, role, /*pad_row=*/-1, scale});
  }
  std::vector<TensorSpec>& all_;
  std::string prefix_;
};

// `depth` is the number of blocks that the stream runs through, for `residual_init: depth_scaled`.
struct BlockShape {
  const Stack& stack;
  const Arch& arch;
  int64_t depth;
};

// Attention and feed-forward with their norms: a llama block, or one path of a dual one.
void AddSublayers(Namer to, const BlockShape& shape, int64_t ffn) {
  const Stack& stack = shape.stack;
  const Arch& arch = shape.arch;
  const int64_t w = stack.d;
  double out = arch.residual_init == "plain"
                   ? kDeviation
                   : kDeviation / std::sqrt(2.0 * static_cast<double>(shape.depth));
  if (stack.identity) out = 0;
  to.Gain("attn_norm.weight", w);
  to.Matrix("attn.q.weight", w, w);
  to.Matrix("attn.k.weight", w, w);
  to.Matrix("attn.v.weight", w, w, !arch.attn_out_proj && stack.identity ? 0 : kDeviation);
  if (arch.attn_out_proj) to.Matrix("attn.o.weight", w, w, out);
  if (stack.dual.qk_norm) {
    to.Gain("attn.q_norm.weight", stack.head_size());
    to.Gain("attn.k_norm.weight", stack.head_size());
  }
  to.Gain("ffn_norm.weight", w);
  to.Matrix("ffn.gate.weight", ffn, w);
  to.Matrix("ffn.up.weight", ffn, w);
  to.Matrix("ffn.down.weight", w, ffn, out);
  if (arch.ffn_gate == "beta_swish") to.Constant("ffn.beta", ffn, Role::kBeta, 1);
}

void AddBlock(Namer to, const BlockShape& shape) {
  const Stack& stack = shape.stack;
  const Dual& dual = stack.dual;
  if (stack.block == "llama") return AddSublayers(to, shape, stack.ffn);
  const Role scale = dual.scale_decay ? Role::kDecayedScale : Role::kScale;
  if (stack.has_deep()) {
    AddSublayers(to.In("deep"), shape, dual.ffn_deep);
    to.Constant("deep.scale", dual.loops, scale, dual.scale_init);
    if (dual.mix == "act") {
      to.Matrix("router.weight", 1, stack.d + 1);
      to.Bias("router.bias", 1);
    }
  }
  if (stack.has_wide()) {
    AddSublayers(to.In("wide"), shape, dual.ffn_wide);
    to.Constant("wide.scale", 1, scale, dual.scale_init);
  }
  if (stack.block != "dual_path") return;
  if (dual.gate != "fixed") {
    const int64_t gates = dual.gate == "convex" ? 1 : 2;
    to.Matrix("gate.weight", gates, stack.d, /*deviation=*/0);
    to.Bias("gate.bias", gates);
  }
  if (dual.cross) {
    for (const char* into : {"deep", "wide"}) {
      to.Matrix(std::string("cross.") + into + ".weight", stack.d, stack.d, /*deviation=*/0);
      to.Constant(std::string("cross.") + into + "_scale", 1, scale, -7);
    }
  }
}

// Widths of the slices of the large stream.
std::vector<int64_t> SlicesOf(const ModelSpec& spec) {
  std::vector<int64_t> widths;
  for (const Stack& path : spec.paths) widths.push_back(path.d);
  return widths;
}

// A map [out, in] of a connection: as published, or as the identity between pieces.
void AddMap(Namer to, const ModelSpec& spec, const std::string& name,
            std::pair<int64_t, int64_t> shape, const IdentityMap& identity) {
  if (spec.connection.init == "identity") {
    to.Identity(name, shape.first, shape.second, identity);
  } else {
    to.Matrix(name, shape.first, shape.second);
  }
}

void AddConnection(Namer layer, const ModelSpec& spec, int64_t l) {
  const int64_t D = spec.large.d, c = spec.common_width(),
                N = static_cast<int64_t>(spec.paths.size());
  const Connection& connection = spec.connection;
  if (connection.kind == "slice") {
    if (connection.cross) layer.Matrix("cross.weight", D, D, /*deviation=*/0);
    return;
  }
  const int64_t out = LayerOutputWidth(spec, l);
  const IdentityMap mean{{}, SlicesOf(spec), /*mean=*/true};
  if (connection.kind == "share") {
    // The last one gives every slice of the large stream the output of its own path.
    const bool last = l + 1 == spec.parallel_layers();
    AddMap(layer, spec, "share.weight", {out, D}, last ? IdentityMap() : mean);
  } else {
    for (int64_t p = 0; p < N; ++p) {
      const int64_t d = spec.paths[static_cast<size_t>(p)].d;
      if (d != c) AddMap(layer, spec, "path_out." + std::to_string(p) + ".weight", {c, d}, {});
    }
    AddMap(layer, spec, "combine.weight", {c, D}, mean);
    layer.Bias("combine.bias", c);
    if (connection.router.kind != "none") {
      const std::string& input = connection.router.input;
      layer.Matrix("router.weight", N + 1,
                   input == "combined" ? c
                   : input == "concat" ? D
                                       : LayerInputWidth(spec, l));
      layer.Bias("router.bias", N + 1);
    }
  }
  if (connection.norm) layer.Gain("norm.weight", out);
}

void AddComposite(std::vector<TensorSpec>& all, const ModelSpec& spec) {
  Namer root(all, "");
  const int64_t D = spec.large.d, c = spec.common_width();
  const bool slice = spec.connection.kind == "slice", equal = EqualWidths(spec);
  const BlockShape large{spec.large, spec.arch, spec.parallel_layers() + 2};
  AddBlock(root.In("large.0"), large);
  if (!slice && equal) AddMap(root, spec, "shrink.weight", {c, D}, {{}, SlicesOf(spec)});
  if (!slice && !equal) {
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      const IdentityMap own{{}, SlicesOf(spec), /*mean=*/false, static_cast<int64_t>(p)};
      AddMap(root, spec, "shrink." + std::to_string(p) + ".weight", {spec.paths[p].d, D}, own);
    }
  }
  for (int64_t l = 0; l < spec.parallel_layers(); ++l) {
    const Namer layer = root.In("parallel." + std::to_string(l));
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      const Stack& path = spec.paths[p];
      if (!slice && l > 0 && path.d != c)
        AddMap(layer, spec, "path_in." + std::to_string(p) + ".weight", {path.d, c}, {});
      if (l < path.blocks)
        AddBlock(layer.In("path." + std::to_string(p)), {path, spec.arch, path.blocks});
    }
    AddConnection(layer, spec, l);
  }
  if (spec.connection.kind == "routed")
    AddMap(root, spec, "grow.weight", {D, c}, {SlicesOf(spec), {}});
  AddBlock(root.In("large.1"), large);
  if (slice && spec.connection.gate) {
    const auto N = static_cast<int64_t>(spec.paths.size());
    root.Matrix("gate.weight", N, D, /*deviation=*/0);
    root.Bias("gate.bias", N);
  }
}

}  // namespace

int64_t TensorSpec::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

std::vector<TensorSpec> Tensors(const ModelSpec& spec) {
  std::vector<TensorSpec> all;
  const int64_t w = spec.width();
  all.push_back({"embed.weight", {spec.vocab, w}, Init::kNormal, Role::kEmbedding, spec.pad_id});
  if (spec.kind == Kind::kDense) {
    for (int64_t i = 0; i < spec.dense.blocks; ++i) {
      AddBlock(Namer(all, "blocks." + std::to_string(i) + "."),
               {spec.dense, spec.arch, spec.dense.blocks});
    }
  } else {
    AddComposite(all, spec);
  }
  Namer(all, "").Gain("norm.weight", w);
  all.push_back({"head.weight", {spec.vocab, w}, Init::kNormal, Role::kHead});
  return all;
}

void Initialize(const TensorSpec& tensor, uint64_t seed, float* out) {
  InitializeRange(tensor, seed, 0, tensor.elements(), out);
}

namespace {

// The piece of every row or column, and its place in it.
std::vector<std::pair<int64_t, int64_t>> PlacesOf(const std::vector<int64_t>& pieces,
                                                  int64_t extent) {
  std::vector<std::pair<int64_t, int64_t>> places;
  places.reserve(static_cast<size_t>(extent));
  for (size_t piece = 0; piece < pieces.size(); ++piece) {
    for (int64_t i = 0; i < pieces[piece]; ++i) places.emplace_back(static_cast<int64_t>(piece), i);
  }
  while (static_cast<int64_t>(places.size()) < extent)
    places.emplace_back(0, static_cast<int64_t>(places.size()));
  return places;
}

void InitializeIdentity(const TensorSpec& tensor, int64_t begin, int64_t count, float* out) {
  const int64_t width = tensor.shape[1];
  const IdentityMap& map = tensor.identity;
  const auto rows = PlacesOf(map.rows, tensor.shape[0]), columns = PlacesOf(map.columns, width);
  const auto meets = [&](int64_t row, int64_t column) {
    const auto& [piece, place] = columns[static_cast<size_t>(column)];
    return rows[static_cast<size_t>(row)].second == place &&
           (map.column_piece < 0 || piece == map.column_piece);
  };
  for (int64_t i = begin; i < begin + count;) {
    const int64_t row = i / width;
    int64_t ones = 0;
    for (int64_t column = 0; column < width; ++column) ones += meets(row, column) ? 1 : 0;
    const float value = map.mean && ones > 0 ? 1.0f / static_cast<float>(ones) : 1.0f;
    for (; i < begin + count && i / width == row; ++i)
      *out++ = meets(row, i % width) ? value : 0.0f;
  }
}

}  // namespace

void InitializeRange(const TensorSpec& tensor, uint64_t seed, int64_t begin, int64_t count,
                     float* out) {
  const auto scale = static_cast<float>(tensor.scale);
  if (tensor.init == Init::kConstant) {
    std::fill(out, out + count, scale);
    return;
  }
  if (tensor.init == Init::kIdentity) return InitializeIdentity(tensor, begin, count, out);
  const RandomStream stream(seed, tensor.name);
  const int64_t width = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
  for (int64_t i = 0; i < count; ++i) {
    const bool pad = tensor.pad_row >= 0 && (begin + i) / width == tensor.pad_row;
    out[i] = pad ? 0.0f : scale * stream.Normal(static_cast<uint64_t>(begin + i));
  }
}

int64_t ParameterCount(const ModelSpec& spec) {
  int64_t count = 0;
  for (const TensorSpec& tensor : Tensors(spec)) count += tensor.elements();
  return count;
}

int64_t BodyParameterCount(const ModelSpec& spec) {
  return ParameterCount(spec) - 2 * spec.vocab * spec.width();
}

int64_t DecidingLayers(const ModelSpec& spec) {
  if (spec.kind != Kind::kComposite || spec.connection.kind == "slice") return 0;
  if (spec.connection.kind == "share") return EqualWidths(spec) ? spec.parallel_layers() - 1 : 0;
  return spec.connection.router.kind == "none" ? 0 : spec.parallel_layers();
}

bool EqualWidths(const ModelSpec& spec) {
  return std::all_of(spec.paths.begin(), spec.paths.end(),
                     [&](const Stack& path) { return path.d == spec.paths.front().d; });
}

int64_t LayerInputWidth(const ModelSpec& spec, int64_t layer) {
  return layer == 0 && !EqualWidths(spec) ? spec.large.d : spec.common_width();
}

int64_t LayerOutputWidth(const ModelSpec& spec, int64_t layer) {
  return spec.connection.kind == "share" && layer + 1 == spec.parallel_layers()
             ? spec.large.d
             : spec.common_width();
}

}  // namespace braid::model
