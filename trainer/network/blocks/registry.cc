#include <string_view>

#include "base/status.h"
#include "trainer/network/block.h"

namespace braid::trainer {

// A new block: its name in both lists.
extern const BlockMaker kLlamaMaker, kWideMaker, kLoopMaker, kDualPathMaker;

const std::vector<BlockMaker>& BlockMakers() {
  static const std::vector<BlockMaker> kMakers = {kLlamaMaker, kWideMaker, kLoopMaker,
                                                  kDualPathMaker};
  return kMakers;
}

std::unique_ptr<Block> MakeBlock(const LeafMaker& leaf, const BlockPlace& at,
                                 const model::Arch& arch) {
  for (const BlockMaker& maker : BlockMakers()) {
    if (std::string_view(maker.kind) == at.stack.block->name) return maker.make(leaf, at, arch);
  }
  BRAID_CHECK(false);  // a registered block has a maker: kinds_test
  return nullptr;
}

}  // namespace braid::trainer
