// Every block and router that models may have is computed by the network, and nothing else is.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "model/tensors.h"
#include "tests/model/every_block.h"
#include "trainer/network/block.h"
#include "trainer/network/network.h"
#include "trainer/network/router.h"

namespace braid::trainer {
namespace {

using testing::UnorderedElementsAreArray;

template <class T, class Side>
void ExpectOneSideForEach(const std::vector<Side>& sides) {
  std::vector<std::string> names;
  for (const Side& side : sides) names.emplace_back(side.kind);
  EXPECT_THAT(names, UnorderedElementsAreArray(schema::WordsOf(static_cast<const T*>(nullptr))));
}

TEST(KindsTest, EveryRegisteredBlockHasAMakerAndTheOtherWayRound) {
  ExpectOneSideForEach<model::BlockKind>(BlockMakers());
}

TEST(KindsTest, EveryRegisteredRouterHasAForwardAndTheOtherWayRound) {
  ExpectOneSideForEach<model::RouterKind>(RouterForwards());
  for (const model::RouterKind* router :
       model::Registered(static_cast<const model::RouterKind*>(nullptr))) {
    EXPECT_EQ(ForwardOf(*router).kind, std::string(router->name));
    EXPECT_EQ(ForwardOf(*router).route != nullptr, router->chooses) << router->name;
  }
}

TEST(KindsTest, ABlockTakesAllTensorsThatTheModelListsForIt) {
  for (const model::BlockKind* block : model::EveryBlock()) {
    const model::ModelSpec spec = model::ModelOf(*block);
    int64_t listed = 0, taken = 0;
    for (const model::TensorSpec& tensor : model::Tensors(spec)) {
      if (tensor.name.starts_with("blocks.0.")) listed += tensor.elements();
    }
    const LeafMaker leaf = [&](const std::string& name, const std::vector<int64_t>& shape) {
      EXPECT_TRUE(name.starts_with("blocks.0.")) << name;
      const at::Tensor made = at::zeros(shape);
      taken += made.numel();
      return made;
    };
    const auto made = MakeBlock(leaf, {spec.dense, "blocks.0", 0}, spec.arch);
    EXPECT_EQ(taken, listed) << block->name;
    EXPECT_FALSE(made->Attentions().empty()) << block->name;
    EXPECT_EQ(&made->stack(), &spec.dense);
  }
}

TEST(KindsTest, AModelOfEveryBlockComputesAndLearns) {
  ConfigureRuntime(1);
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8}, labels = {2, 3, 4, 5, 6, 7, 8, 9};
  for (const model::BlockKind* block : model::EveryBlock()) {
    const auto network = Network::Create(model::ModelOf(*block), "cpu").value();
    network->Initialize(1);
    const LossSum sum = network->Backward(ids.data(), labels.data(), 1, 8, {});
    EXPECT_GT(sum.loss, 0) << block->name;
    const Layout::Slot& slot = network->layout().slots.front();
    double gradients = 0;
    for (int64_t i = 0; i < slot.tensor.elements(); ++i)
      gradients += std::abs(network->gradients()[slot.offset + i]);
    EXPECT_GT(gradients, 0) << block->name << " " << slot.tensor.name;
    EXPECT_EQ(network->Readouts(ids.data(), 1, 8).empty(), !block->has_dual()) << block->name;
  }
}

}  // namespace
}  // namespace braid::trainer
