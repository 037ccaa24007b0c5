#include "trainer/network/blocks/paths.h"
#include "trainer/network/blocks/readout.h"

namespace braid::trainer {
namespace {

class WideBlock : public Block {
 public:
  WideBlock(const LeafMaker& leaf, const BlockPlace& at, const model::Arch& arch)
      : Block(at), wide_(leaf, at, arch) {}

  at::Tensor Run(const at::Tensor& x, ForwardContext& pass) const override {
    at::Tensor out = wide_.Run(x, pass);
    if (pass.readouts != nullptr) ReadOut({place(), x, nullptr, nullptr, &wide_, out}, pass);
    return out;
  }
  std::vector<Attention> Attentions() override { return {wide_.attention()}; }

 private:
  WidePath wide_;
};

}  // namespace

extern const BlockMaker kWideMaker;
constinit const BlockMaker kWideMaker = {"wide",
                                         [](const LeafMaker& leaf, const BlockPlace& at,
                                            const model::Arch& arch) -> std::unique_ptr<Block> {
                                           return std::make_unique<WideBlock>(leaf, at, arch);
                                         }};

}  // namespace braid::trainer
