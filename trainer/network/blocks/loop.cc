#include "trainer/network/blocks/paths.h"
#include "trainer/network/blocks/readout.h"

namespace braid::trainer {
namespace {

class LoopBlock : public Block {
 public:
  LoopBlock(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
      : Block(at), deep_(leaf, at, arch) {}

  at::Tensor Run(const at::Tensor& x, ForwardContext& pass) const override {
    const Steps steps = deep_.Run(x, ChangeOf(pass, layer()), pass);
    if (pass.readouts != nullptr) ReadOut({place(), x, &deep_, &steps}, pass);
    return steps.mixed;
  }
  std::vector<Attention> Attentions() override { return {deep_.attention()}; }

 private:
  DeepPath deep_;
};

}  // namespace

extern const BlockMaker kLoopMaker;
constinit const BlockMaker kLoopMaker = {"loop",
                                         [](const LeafMaker& leaf, const BlockPlace& at,
                                            const model::Arch& arch) -> std::unique_ptr<Block> {
                                           return std::make_unique<LoopBlock>(leaf, at, arch);
                                         }};

}  // namespace braid::trainer
