// Laying one composite on another, for merges with a base: which part of a tensor of the base
// belongs where in the same tensor of the new composite, when paths were swapped, added and
// dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"
#include "model/tensors.h"

namespace braid::merge {

// A rectangle of a tensor of the base and its place in the new one. A vector is one row.
struct Overlap {
  int64_t row = 0, column = 0;            // in the new tensor
  int64_t from_row = 0, from_column = 0;  // in the base's
  int64_t rows = 0, columns = 0;
};

class Overlay {
 public:
  // The models must outlive it.
  Overlay(const model::ModelSpec& base, const model::ModelSpec& composite);

  // The path of the base in whose place path `path` of the composite stands: the one of its name,
  // else one that the composite does without and that had the very same columns. Not given where
  // there is none.
  std::optional<size_t> BasePath(size_t path) const { return base_path_[path]; }

  struct Part {
    std::string tensor;  // of the base
    std::vector<Overlap> overlaps;
  };
  // What the base has for a tensor outside the paths' blocks, embedding and head. Axes correspond
  // by what they count:
  //
  //   the D-wide stream, the paths of a gate, the choices of a router:
  //       piece by piece, by BasePath, where widths are equal
  //   any other axis (common width, hidden width):
  //       whole, if it counts the same thing and has the same length
  //   large blocks:
  //       whole, if they have the same shape and every path stands in its old place
  // No overlap at all: the tensor is new.
  Part Find(const model::TensorSpec& tensor) const;

  struct Axis;
  struct Segment;

 private:
  bool KeepsLarge() const;
  std::vector<Segment> Segments(const Axis& to, const Axis& from) const;

  const model::ModelSpec& base_;
  const model::ModelSpec& composite_;
  std::vector<std::optional<size_t>> base_path_;
  std::vector<model::TensorSpec> base_tensors_;
};

}  // namespace braid::merge
