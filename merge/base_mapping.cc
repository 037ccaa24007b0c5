#include "merge/base_mapping.h"

#include <algorithm>

#include "base/text.h"

namespace braid::merge {
// An axis of a tensor: what it counts, and how it is divided among paths, if it is.
struct BaseMapping::Axis {
  struct Piece {
    // The index of a path; their number: the combination, the last choice of a router.
    size_t path = 0;
    int64_t begin = 0;
    int64_t size = 0;
  };
  // Two axes correspond if these words are equal.
  std::string counts;
  int64_t extent = 0;
  std::vector<Piece> pieces;
};

struct BaseMapping::Segment {
  int64_t to = 0;
  int64_t from = 0;
  int64_t size = 0;
};

namespace {

using Axis = BaseMapping::Axis;
using Segment = BaseMapping::Segment;

Overlap Whole(const model::TensorSpec& tensor) {
  const bool matrix = tensor.shape.size() > 1;
  return {0, 0, 0, 0, matrix ? tensor.shape[0] : 1, tensor.shape.back()};
}

Axis Stream(const model::ModelSpec& spec, const std::string& counts = "stream") {
  Axis axis{counts, spec.large.d, {}};
  for (size_t p = 0; p < spec.paths.size(); ++p)
    axis.pieces.push_back({p, spec.slice_begin(p), spec.paths[p].d});
  return axis;
}

// The axis of a gate or router: one entry for each path, and one more for the combination if there
// is one.
Axis Choices(const model::ModelSpec& spec, bool combination) {
  Axis axis{"choices", static_cast<int64_t>(spec.paths.size()) + (combination ? 1 : 0), {}};
  for (int64_t i = 0; i < axis.extent; ++i) axis.pieces.push_back({static_cast<size_t>(i), i, 1});
  return axis;
}

Axis LayerAxis(const model::ModelSpec& spec, int64_t width, const std::string& counts) {
  return width == spec.large.d ? Stream(spec, counts + " stream")
                               : Axis{counts + " common", width, {}};
}

Axis RouterInput(const model::ModelSpec& spec, int64_t layer) {
  const int64_t width = model::RouterInputWidth(spec, layer);
  switch (spec.connection.router.input) {
    case model::RouterInput::kConcat:
      return Stream(spec, "paths' outputs");
    case model::RouterInput::kX:
      return LayerAxis(spec, width, "input");
    case model::RouterInput::kCombined:
      break;
  }
  return {"combined", width, {}};
}

// The axes of a tensor that is in no block; `name` is its name, split at the dots. An axis of which
// nothing is known corresponds as a whole or not at all.
std::vector<Axis> AxesOf(const model::ModelSpec& spec, const model::TensorSpec& tensor,
                         const std::vector<std::string>& name) {
  const bool parallel = name[0] == "parallel";
  const std::string& what = name[parallel ? 2 : 0];
  const int64_t layer = parallel ? std::stoll(name[1]) : 0;
  const bool bias = name.back() == "bias";
  const Axis stream = Stream(spec);
  std::vector<Axis> axes;
  if (what == "gate") {
    axes = {Choices(spec, /*combination=*/false), stream};
  } else if (what == "grow") {
    axes = {stream, {"common", spec.common_width(), {}}};
  } else if (what == "router") {
    axes = {Choices(spec, /*combination=*/true), RouterInput(spec, layer)};
  } else if (what == "share") {
    axes = {LayerAxis(spec, model::LayerOutputWidth(spec, layer), "output"), stream};
  } else if (what == "norm") {
    axes = {parallel ? LayerAxis(spec, model::LayerOutputWidth(spec, layer), "output") : stream};
  } else if (what == "cross") {
    // Of maps of a rank, the axis of the rank corresponds as a whole.
    const Axis rank{"rank", spec.connection.cross_rank, {}};
    axes = {name[3] == "read" ? rank : stream, name[3] == "write" ? rank : stream};
  } else {  // shrink, combine: [.., D]; path_in, path_out: no path's but their own
    for (const int64_t extent : tensor.shape) axes.push_back({"width", extent, {}});
    if (what == "shrink" || (what == "combine" && !bias)) axes.back() = stream;
  }
  axes.resize(tensor.shape.size());  // a bias has the first axis alone
  return axes;
}

// Appends a segment, or lengthens the last one that it continues: neighbours stay one copy.
void AddSegment(Segment segment, std::vector<Segment>* segments) {
  if (!segments->empty()) {
    Segment& last = segments->back();
    if (last.to + last.size == segment.to && last.from + last.size == segment.from) {
      last.size += segment.size;
      return;
    }
  }
  segments->push_back(segment);
}

}  // namespace

BaseMapping::BaseMapping(const model::ModelSpec& base, const model::ModelSpec& composite)
    : base_(base),
      composite_(composite),
      base_path_(composite.paths.size()),
      base_tensors_(model::Tensors(base)) {
  const auto index_of = [](const std::vector<model::Stack>& paths, const std::string& name) {
    return static_cast<size_t>(std::find_if(paths.begin(), paths.end(),
                                            [&](const model::Stack& x) { return x.name == name; }) -
                               paths.begin());
  };
  for (size_t p = 0; p < composite.paths.size(); ++p) {
    const size_t named = index_of(base.paths, composite.paths[p].name);
    if (named < base.paths.size()) {
      base_path_[p] = named;
      continue;
    }
    for (size_t q = 0; q < base.paths.size(); ++q) {
      const bool dropped = index_of(composite.paths, base.paths[q].name) == composite.paths.size();
      if (dropped && base.slice_begin(q) == composite.slice_begin(p) &&
          base.paths[q].d == composite.paths[p].d)
        base_path_[p] = q;
    }
  }
}

bool BaseMapping::KeepsLarge() const {
  model::Stack was = base_.large;
  was.identity = composite_.large.identity;  // how they started does not matter any more
  was.blocks = composite_.large.blocks;      // of two, one may be left
  if (!model::SameShape(was, composite_.large) || base_.paths.size() != composite_.paths.size())
    return false;
  for (size_t p = 0; p < composite_.paths.size(); ++p) {
    if (base_path_[p] != p || base_.paths[p].d != composite_.paths[p].d) return false;
  }
  return true;
}

// Where each piece of an axis of the composite lies in the same axis of the base.
std::vector<BaseMapping::Segment> BaseMapping::Segments(const Axis& to, const Axis& from) const {
  if (to.counts != from.counts) return {};
  if (to.pieces.empty())
    return to.extent == from.extent ? std::vector<Segment>{{0, 0, to.extent}}
                                    : std::vector<Segment>{};
  std::vector<Segment> segments;
  for (const Axis::Piece& piece : to.pieces) {
    const bool combination = piece.path == composite_.paths.size();
    const std::optional<size_t> path = combination ? base_.paths.size() : base_path_[piece.path];
    if (!path || from.pieces[*path].size != piece.size) continue;
    AddSegment({piece.begin, from.pieces[*path].begin, piece.size}, &segments);
  }
  return segments;
}

BaseMapping::Part BaseMapping::Find(const model::TensorSpec& tensor) const {
  std::vector<std::string> name = Split(tensor.name, '.');
  // The index of a path in a name: shrink.<p>.weight, parallel.<l>.path_in.<p>.weight.
  const size_t at = name[0] == "shrink" && name.size() == 3            ? 1
                    : name.size() == 5 && name[2].starts_with("path_") ? 3
                                                                       : 0;
  if (at > 0) {
    const std::optional<size_t> path = base_path_[std::stoul(name[at])];
    if (!path) return {};
    name[at] = std::to_string(*path);
  }
  const std::string from = Join(name, ".");
  const auto found = std::find_if(base_tensors_.begin(), base_tensors_.end(),
                                  [&](const auto& x) { return x.name == from; });
  if (found == base_tensors_.end()) return {};
  if (name[0] == "large") return KeepsLarge() ? Part{from, {Whole(tensor)}} : Part{};

  const std::vector<Axis> to = AxesOf(composite_, tensor, name), old = AxesOf(base_, *found, name);
  const bool matrix = to.size() == 2;
  const std::vector<Segment> rows = matrix ? Segments(to[0], old[0])
                                           : std::vector<Segment>{{0, 0, 1}};
  Part part{from, {}};
  for (const Segment& row : rows) {
    for (const Segment& column : Segments(to.back(), old.back())) {
      part.overlaps.push_back({row.to, column.to, row.from, column.from, row.size, column.size});
    }
  }
  return part;
}

}  // namespace braid::merge
