// Every block and router that models may have is computed by the network, and nothing else is.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
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

// Sets every value at random, so that no gradient is zero by its place.
void Fill(Network& network) {
  const RandomStream draws(4, "values");
  for (int64_t i = 0; i < network.layout().size; ++i)
    network.parameters()[i] = 0.3f * draws.Normal(static_cast<uint64_t>(i));
}

// The loss and the gradients of `batch` equal sequences, by one of them.
std::pair<double, std::vector<float>> OfSequences(Network& network, int64_t batch) {
  std::vector<int32_t> ids, labels;
  for (int64_t i = 0; i < batch; ++i) {
    for (const int32_t id : {1, 2, 3, 4, 5, 6, 7, 8}) ids.push_back(id), labels.push_back(id + 1);
  }
  network.ZeroGradients();
  const LossSum sum = network.Backward(ids.data(), labels.data(), batch, 8,
                                       {.scale = 1 / static_cast<double>(batch)});
  return {sum.loss / static_cast<double>(batch),
          {network.gradients(), network.gradients() + network.layout().size}};
}

// Of 8 rows products are ATen's, and of 48 all of a half of a block is one function: they agree.
// And it learns: every tensor has a gradient, and against it the loss falls by what it says.
TEST(KindsTest, AModelOfEveryBlockComputesAndLearns) {
  ConfigureRuntime(1);
  for (const model::BlockKind* block : model::EveryBlock()) {
    const auto network = Network::Create(model::ModelOf(*block), "cpu").value();
    Fill(*network);
    const auto [loss, gradients] = OfSequences(*network, 1);
    const auto [same_loss, same_gradients] = OfSequences(*network, 6);
    EXPECT_NEAR(same_loss / loss, 1, 1e-6) << block->name;
    double norm = 0, distance = 0;
    for (size_t i = 0; i < gradients.size(); ++i) {
      norm += std::pow(gradients[i], 2);
      distance += std::pow(gradients[i] - same_gradients[i], 2);
    }
    EXPECT_LT(std::sqrt(distance / norm), 1e-5) << block->name;
    for (const Layout::Slot& slot : network->layout().slots) {
      const auto begin = gradients.begin() + slot.offset;
      EXPECT_TRUE(
          std::any_of(begin, begin + slot.tensor.elements(), [](float g) { return g != 0; }))
          << block->name << " " << slot.tensor.name;
    }
    const double step = 1e-3 / std::sqrt(norm);
    double losses[2];
    for (const int side : {0, 1}) {
      Fill(*network);
      for (size_t i = 0; i < gradients.size(); ++i)
        network->parameters()[i] += static_cast<float>(side == 0 ? -step : step) * gradients[i];
      losses[side] = OfSequences(*network, 6).first;
    }
    EXPECT_NEAR((losses[1] - losses[0]) / (2 * step * norm), 1, 0.02) << block->name;
    const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8};
    EXPECT_EQ(network->Readouts(ids.data(), 1, 8).empty(), !block->has_dual()) << block->name;
  }
}

}  // namespace
}  // namespace braid::trainer
