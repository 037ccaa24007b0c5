// The part of a composite between embedding and head: large blocks, parallel layers of path blocks,
// and the connections share, routed and slice (docs/papers/papaformer.md#s2, #s3, #s10;
// docs/models.md for slice).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"
#include "trainer/network/block.h"
#include "trainer/network/forward_context.h"

namespace braid::trainer {

// The root mean square of the stream that each path, by itself, has in front of each parallel
// layer, and behind the last one, [paths][layers + 1].
using OwnSizes = std::vector<std::vector<double>>;

// Scales maps, one after another.
class MapScaling {
 public:
  // Scales `map`, which gives y, so that what it gives has the root mean square `target`.
  void ScaleTo(double target, const at::Tensor& y, const at::Tensor& map);
  // By which the maps were multiplied, in their order.
  const std::vector<double>& factors() const { return factors_; }

 private:
  std::vector<double> factors_;
};

// Owns its blocks and leaves; the memory behind the leaves is the network's.
class Composite {
 public:
  // Leaves are made by `leaf`; `spec` outlives the composite.
  Composite(const model::ModelSpec& spec, const LeafMaker& leaf);

  // x [rows, D], the embedding -> the final-normed hidden states [rows, D]; `norm` is norm.weight
  // [D].
  at::Tensor Run(const at::Tensor& x, const at::Tensor& norm, ForwardContext& pass) const;

  // Network::MatchRms for the embedding x [rows, D].
  std::vector<double> MatchRms(const at::Tensor& x, ForwardContext& pass) const;
  // The maps that MatchRms scales, in its order; of those that give the large stream, the rows of
  // each slice are a map.
  std::vector<at::Tensor> ScaledMaps() const;

  // Block of `path` in parallel layer `layer`.
  const Block& PathBlock(size_t path, int64_t layer) const {
    return *layers_[static_cast<size_t>(layer)].blocks[path];
  }
  // Every block, in the order in which they run.
  std::vector<Block*> Blocks();

 private:
  struct Layer {
    std::string place;                           // "parallel.0"
    std::vector<std::unique_ptr<Block>> blocks;  // one a path; null of a path that has run out
    std::optional<Sublayers> stacked;            // of all blocks, if they can run as one
    std::vector<at::Tensor> in;                  // path_in, or undefined
    std::vector<at::Tensor> out;                 // path_out, or undefined
    at::Tensor share, combine, combine_bias, router, router_bias, norm, cross, cross_read,
        cross_write;
  };
  // Makes the leaves of parallel layer `l`, counted from 0.
  void MakeLayer(const LeafMaker& leaf, int64_t l);

  // x [rows, D] through a large block, if it is there.
  static at::Tensor RunLarge(const std::unique_ptr<Block>& block, const at::Tensor& x,
                             ForwardContext& pass);
  // Outputs y_p [rows, d_p] of a layer for inputs x_p [rows, d_p]; equal blocks that are
  // sublayers alone run as one batched product.
  std::vector<at::Tensor> RunPaths(const Layer& layer, const std::vector<at::Tensor>& inputs,
                                   ForwardContext& pass) const;
  // The same of a layer whose blocks can run as one: rows [paths * rows, d], path by path.
  at::Tensor RunStacked(const Layer& layer, const at::Tensor& rows, ForwardContext& pass) const;
  // One such layer of `slice`, x [rows, D] -> [rows, D].
  at::Tensor RunStackedSlices(const Layer& layer, const at::Tensor& x, ForwardContext& pass) const;
  // The connection `slice`, from the first parallel layer to the final norm: in each layer a path
  // runs on its own columns of x [rows, D], and `cross`, where there is one, adds what passes
  // between them. Each slice of the result is normed and weighed by itself.
  at::Tensor RunSlices(at::Tensor x, const at::Tensor& norm, ForwardContext& pass) const;
  // One parallel layer of `share` or `routed`: x [rows, w] -> [rows, w], w being the width of the
  // paths if they are equally wide, otherwise D before the first layer and the connection's after
  // it.
  at::Tensor RunLayer(const Layer& layer, int64_t l, const at::Tensor& x,
                      ForwardContext& pass) const;
  OwnSizes OwnRms(const at::Tensor& x, ForwardContext& pass) const;
  // Scales the maps of parallel layer `l`, which reads x.
  void MatchLayer(size_t l, const at::Tensor& x, const OwnSizes& own, MapScaling* scaling,
                  ForwardContext& pass) const;
  // Scales the rows of each slice of a map [D, c], which gives y [rows, D], to the path's own size.
  void MatchSlices(const at::Tensor& map, const at::Tensor& y, const OwnSizes& own,
                   MapScaling* scaling) const;
  // The rows of each slice of a map [D, c].
  std::vector<at::Tensor> PerSlice(const at::Tensor& map) const;
  // What each path reads of the layer's input x: [rows, d_p] each.
  std::vector<at::Tensor> Inputs(const Layer& layer, int64_t l, const at::Tensor& x,
                                 const ForwardContext& pass) const;
  // The outputs of the paths, side by side, mixed by one matrix (docs/papers/papaformer.md#s2).
  at::Tensor Share(const Layer& layer, const std::vector<at::Tensor>& outputs,
                   ForwardContext& pass) const;
  // The outputs weighed by the router, for each token (docs/papers/papaformer.md#s3).
  at::Tensor Choose(const Layer& layer, const std::vector<at::Tensor>& outputs, const at::Tensor& x,
                    ForwardContext& pass) const;
  // The columns of each path of x [rows, D], copied so that each is contiguous.
  std::vector<at::Tensor> Slices(const at::Tensor& x) const;

  const model::ModelSpec& spec_;
  // All paths are equally wide: they read the same narrow stream, and a choice of `share` can be
  // told by similarity (LayerRouting).
  bool equal_widths_;
  std::unique_ptr<Block> first_, last_;  // the large blocks, or null
  std::vector<at::Tensor> shrink_;       // one, or one a path
  std::vector<Layer> layers_;
  at::Tensor grow_, gate_, gate_bias_;
};

}  // namespace braid::trainer
