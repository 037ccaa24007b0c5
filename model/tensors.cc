#include "model/tensors.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "model/orthogonal.h"
#include "model/tensor_list.h"

namespace braid::model {
namespace {

void AddBlock(const TensorList& to, const BlockShape& shape) {
  shape.stack.block->add_tensors(to, shape);
}

// Widths of the slices of the large stream.
std::vector<int64_t> SlicesOf(const ModelSpec& spec) {
  std::vector<int64_t> widths;
  for (const Stack& path : spec.paths) widths.push_back(path.d);
  return widths;
}

// A map [out, in] of a connection; `identity` is how it begins as one.
void AddMap(const TensorList& to, const ModelSpec& spec, const std::string& name,
            std::pair<int64_t, int64_t> shape, const IdentityMap& identity) {
  const auto [out, in] = shape;
  switch (spec.connection.init) {
    case ConnectInit::kNormal:
      return to.Matrix(name, out, in);
    case ConnectInit::kIdentity:
      return to.Identity(name, out, in, identity);
    case ConnectInit::kOrthogonal:
      return to.Orthogonal(name, out, in);
  }
}

// The tensors by which the streams of layer l are combined to the input of the next one. D is the
// width of the large stream, c the common width of the parallel layers, N the number of paths.
void AddConnection(const TensorList& layer, const ModelSpec& spec, int64_t l) {
  const int64_t D = spec.large.d, c = spec.common_width(),
                N = static_cast<int64_t>(spec.paths.size());
  const Connection& connection = spec.connection;
  if (connection.is_slice()) {
    // Zeros: the composite begins as its parents, side by side.
    if (const int64_t rank = connection.cross_rank; connection.cross && rank > 0) {
      layer.Matrix("cross.read.weight", rank, D);
      layer.Matrix("cross.write.weight", D, rank, /*deviation=*/0);
    } else if (connection.cross) {
      layer.Matrix("cross.weight", D, D, /*deviation=*/0);
    }
    return;
  }
  const int64_t out = LayerOutputWidth(spec, l);
  const IdentityMap mean{{}, SlicesOf(spec), /*mean=*/true};
  if (connection.kind == ConnectionKind::kShare) {
    // The last one gives every slice of the large stream the output of its own path.
    const bool last = l + 1 == spec.parallel_layers();
    AddMap(layer, spec, "share.weight", {out, D}, last ? IdentityMap() : mean);
  } else {
    for (int64_t p = 0; p < N; ++p) {
      const int64_t d = spec.paths[static_cast<size_t>(p)].d;
      // A router chooses between outputs of one width: those of other paths are brought to it.
      if (d != c) AddMap(layer, spec, "path_out." + std::to_string(p) + ".weight", {c, d}, {});
    }
    AddMap(layer, spec, "combine.weight", {c, D}, mean);
    layer.Bias("combine.bias", c);
    if (connection.chooses()) {
      // One logit for each path, and one for their combination.
      layer.Matrix("router.weight", N + 1, RouterInputWidth(spec, l));
      layer.Bias("router.bias", N + 1);
    }
  }
  if (connection.norm) layer.Gain("norm.weight", out);
}

void AddComposite(std::vector<TensorSpec>& all, const ModelSpec& spec) {
  TensorList root(all, "");
  const int64_t D = spec.large.d, c = spec.common_width();
  const bool slice = spec.connection.is_slice(), equal = EqualWidths(spec);
  // The stream of a composite runs through the parallel layers and both large blocks.
  const BlockShape large{spec.large, spec.arch, spec.parallel_layers() + spec.large.blocks};
  if (spec.has_large_before()) AddBlock(root.In("large.0"), large);
  // From the large stream to what the first parallel layer reads: one input for all paths where
  // they have one width, otherwise one for each.
  if (!slice && equal) AddMap(root, spec, "shrink.weight", {c, D}, {{}, SlicesOf(spec)});
  if (!slice && !equal) {
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      const IdentityMap own{{}, SlicesOf(spec), /*mean=*/false, static_cast<int64_t>(p)};
      AddMap(root, spec, "shrink." + std::to_string(p) + ".weight", {spec.paths[p].d, D}, own);
    }
  }
  for (int64_t l = 0; l < spec.parallel_layers(); ++l) {
    const TensorList layer = root.In("parallel." + std::to_string(l));
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      const Stack& path = spec.paths[p];
      if (!slice && l > 0 && path.d != c)
        AddMap(layer, spec, "path_in." + std::to_string(p) + ".weight", {path.d, c}, {});
      // Paths may have fewer blocks than there are parallel layers.
      if (l < path.blocks)
        AddBlock(layer.In("path." + std::to_string(p)), {path, spec.arch, path.blocks});
    }
    AddConnection(layer, spec, l);
  }
  if (spec.connection.is_routed()) AddMap(root, spec, "grow.weight", {D, c}, {SlicesOf(spec), {}});
  if (spec.has_large_after()) AddBlock(root.In("large.1"), large);
  // Zeros make all gates one: N softmax(0) = 1.
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
      AddBlock(TensorList(all, "blocks." + std::to_string(i) + "."),
               {spec.dense, spec.arch, spec.dense.blocks});
    }
  } else {
    AddComposite(all, spec);
  }
  TensorList(all, "").Gain("norm.weight", w);
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
  // The matrix is one where a row and a column have the same place in their pieces.
  const auto rows = PlacesOf(map.rows, tensor.shape[0]), columns = PlacesOf(map.columns, width);
  const auto meets = [&](int64_t row, int64_t column) {
    const auto& [piece, place] = columns[static_cast<size_t>(column)];
    return rows[static_cast<size_t>(row)].second == place &&
           (map.column_piece < 0 || piece == map.column_piece);
  };
  for (int64_t i = begin; i < begin + count;) {
    const int64_t row = i / width;
    int64_t ones = 0;
    // Counted for each row, as pieces may have different lengths.
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
  if (tensor.init == Init::kOrthogonal)
    OrthogonalRange(stream, tensor.shape[0], tensor.shape[1], begin, count, out);
  else
    stream.Normals(static_cast<uint64_t>(begin), count, out);
  for (int64_t i = 0; i < count; ++i) out[i] *= scale;
  if (tensor.pad_row < 0) return;
  const int64_t width = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
  const int64_t from = std::max(begin, tensor.pad_row * width),
                to = std::min(begin + count, (tensor.pad_row + 1) * width);
  if (from < to) std::fill(out + (from - begin), out + (to - begin), 0.0f);
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
  if (spec.kind != Kind::kComposite) return 0;
  switch (spec.connection.kind) {
    case ConnectionKind::kShare:
      return EqualWidths(spec) ? spec.parallel_layers() - 1 : 0;
    case ConnectionKind::kRouted:
      return spec.connection.router.kind->chooses ? spec.parallel_layers() : 0;
    case ConnectionKind::kSlice:
      break;
  }
  return 0;
}

bool EqualWidths(const ModelSpec& spec) {
  return std::all_of(spec.paths.begin(), spec.paths.end(),
                     [&](const Stack& path) { return path.d == spec.paths.front().d; });
}

int64_t LayerInputWidth(const ModelSpec& spec, int64_t layer) {
  return layer == 0 && !EqualWidths(spec) ? spec.large.d : spec.common_width();
}

int64_t LayerOutputWidth(const ModelSpec& spec, int64_t layer) {
  return spec.connection.kind == ConnectionKind::kShare && layer + 1 == spec.parallel_layers()
             ? spec.large.d
             : spec.common_width();
}

int64_t RouterInputWidth(const ModelSpec& spec, int64_t layer) {
  switch (spec.connection.router.input) {
    case RouterInput::kCombined:
      return spec.common_width();
    case RouterInput::kConcat:
      return spec.large.d;
    case RouterInput::kX:
      break;
  }
  return LayerInputWidth(spec, layer);
}

}  // namespace braid::model
