#include "trainer/network/block.h"

namespace braid::trainer {
namespace {

class LlamaBlock : public Block {
 public:
  LlamaBlock(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
      : Block(at), body_(MakeSublayers(leaf, at.place, at.stack.ffn, at.stack, arch)) {}

  at::Tensor Run(const at::Tensor& x, ForwardContext& pass) const override {
    return RunSublayers(body_, x, {}, place(), pass);
  }
  std::vector<Attention> Attentions() override { return {{&body_, place()}}; }
  const Sublayers* AsSublayers() const override { return &body_; }

 private:
  Sublayers body_;
};

}  // namespace

extern const BlockMaker kLlamaMaker;
constinit const BlockMaker kLlamaMaker = {"llama",
                                          [](const LeafMaker& leaf, const BlockPlace& at,
                                             const model::Arch& arch) -> std::unique_ptr<Block> {
                                            return std::make_unique<LlamaBlock>(leaf, at, arch);
                                          }};

}  // namespace braid::trainer
