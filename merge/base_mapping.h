// Maps the tensors of a base composite to those of a new composite, for merges in which paths are
// replaced, added or removed: which part of a tensor of the base belongs where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"
#include "model/tensors.h"

namespace braid::merge {

// A rectangle of a tensor of a parent or of the base, and its position in a tensor of the
// composite. A vector is one row. In elements.
struct Overlap {
  // The upper left corner in the composite's tensor, and in the source's.
  int64_t row = 0, column = 0;
  int64_t from_row = 0, from_column = 0;
  int64_t rows = 0, columns = 0;
};

// The correspondence of two composites with connections of the same kind. Immutable.
class BaseMapping {
 public:
  // The models must outlive it.
  BaseMapping(const model::ModelSpec& base, const model::ModelSpec& composite);

  // The path of the base that corresponds to path `path` of the composite: the one of the same
  // name; else a removed path that had exactly the same columns; else nullopt.
  std::optional<size_t> BasePath(size_t path) const { return base_path_[path]; }

  // Which elements of one tensor of the base go into a tensor of the composite.
  struct Part {
    std::string tensor;  // of the base
    std::vector<Overlap> overlaps;
  };
  // The part of the base that corresponds to a tensor outside the paths' blocks, embedding and
  // head. Axes correspond by what they count:
  //
  //   the D-wide stream, the paths of a gate, the choices of a router:
  //       piece by piece, by BasePath, where widths are equal: of gate.weight [N, D], the row of
  //       path p is that of BasePath(p), and so are its columns
  //   any other axis (common width, hidden width):
  //       whole, if it counts the same thing and has the same length
  //   large blocks:
  //       whole, if they have the same shape and every path stands in its old place
  // No overlap at all: the tensor is new.
  Part Find(const model::TensorSpec& tensor) const;

  // What the rows or the columns of a tensor count, and which of them belong to which path.
  struct Axis;
  // A stretch of an axis of the composite, and where it lies on the same axis of the base.
  struct Segment;

 private:
  // The large blocks of the base can be copied: they have the composite's shape, and it has the
  // base's paths in the same places.
  bool KeepsLarge() const;
  // Which stretches of axis `to` come from which of axis `from`, in order.
  std::vector<Segment> Segments(const Axis& to, const Axis& from) const;

  const model::ModelSpec& base_;
  const model::ModelSpec& composite_;
  std::vector<std::optional<size_t>> base_path_;
  std::vector<model::TensorSpec> base_tensors_;
};

}  // namespace braid::merge
