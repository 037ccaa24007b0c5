// A block of a network: leaves and a forward pass. Each kind of model/block.h has a file in
// trainer/network/blocks/ and is found by its name.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/spec.h"
#include "trainer/network/forward_context.h"
#include "trainer/network/sublayers.h"

namespace braid::trainer {

// The layer number of blocks outside of parallel layers: the large blocks of a composite.
inline constexpr int64_t kNoLayer = -1;

// The position of a block in its network.
struct BlockPlace {
  const model::Stack& stack;  // outlives the block
  std::string place;          // prefix of its tensors, "parallel.1.path.0"
  int64_t layer = kNoLayer;  // its number in the stack, or of the parallel layer; kNoLayer of large
                             // blocks
};

// Owns no memory: its leaves are views of the network's buffers. Run may be called again and again;
// it keeps nothing between passes.
class Block {
 public:
  // Stores the place; derived classes make their leaves.
  explicit Block(BlockPlace at) : at_(std::move(at)) {}
  virtual ~Block() = default;

  // Widths, heads and kind of the block; the prefix of its tensors' names; its layer.
  const model::Stack& stack() const { return at_.stack; }
  const std::string& place() const { return at_.place; }
  int64_t layer() const { return at_.layer; }

  // x [rows, w] -> [rows, w].
  virtual at::Tensor Run(const at::Tensor& x, ForwardContext& pass) const = 0;

  // Every attention of the block with the prefix of its tensors, for adapters.
  struct Attention {
    Sublayers* sublayers;
    std::string place;
  };
  virtual std::vector<Attention> Attentions() = 0;

  // The sublayers of a block that consists of them alone, without scales. The network may run those
  // of several paths with equal shapes as one. Null for other blocks.
  virtual const Sublayers* AsSublayers() const { return nullptr; }

 private:
  const BlockPlace at_;
};

// How a kind of block is made. Leaves come from `leaf`.
struct BlockMaker {
  const char* kind;  // a name of model::BlockKind
  std::unique_ptr<Block> (*make)(const LeafMaker& leaf, const BlockPlace& at,
                                 const model::Arch& arch);
};

// All makers: one for each registered model::BlockKind (blocks/registry.cc).
const std::vector<BlockMaker>& BlockMakers();

// Makes a block of the kind of at.stack.
std::unique_ptr<Block> MakeBlock(const LeafMaker& leaf, const BlockPlace& at,
                                 const model::Arch& arch);

}  // namespace braid::trainer
