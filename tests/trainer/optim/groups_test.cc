// Groups of a composite's tensors: their rates, warm-ups, weight decay, and which are trained
// first.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/random.h"
#include "tests/word.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

using spec::TensorGroup;
using spec::TensorPart;

class GroupsTest : public ::testing::TestWithParam<OptimizerKind> {
 protected:
  GroupsTest() {
    spec_.name = "c";
    spec_.vocab = 11;
    spec_.pad_id = 10;
    spec_.sequence = 8;
    spec_.kind = model::Kind::kComposite;
    spec_.connection.kind = Word("slice");
    spec_.connection.cross = true;
    spec_.paths = {{"a", 8, 2, 2, 16}, {"b", 8, 2, 2, 16}};
    spec_.large = {"large", 16, 2, 2, 32};
  }
  // No clipping: the norm would tie the groups to one another.
  OptimizerConfig Config() const {
    OptimizerConfig config;
    config.kind = GetParam().kind;
    config.clip = 0;
    return config;
  }
  std::unique_ptr<Network> NewNetwork() const {
    auto network = Network::Create(spec_, "cpu").value();
    network->Initialize(3);
    // The gates and cross maps begin as zeros, of which no decay would be seen.
    for (const Layout::Slot& slot : network->layout().slots) {
      for (int64_t i = 0; i < slot.tensor.elements(); ++i)
        network->parameters()[slot.offset + i] += 0.125f;
    }
    return network;
  }
  static void SetGradients(uint64_t draw, Network& network) {
    const RandomStream random(draw, "gradients");
    for (const Layout::Slot& slot : network.layout().slots) {
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i)
        network.gradients()[i] = random.Normal(static_cast<uint64_t>(i));
    }
  }
  struct Trained {
    OptimizerSnapshot end;
    Layout layout;

    std::vector<float> Values(const std::string& tensor) const {
      const Layout::Slot& slot = layout.at(tensor);
      const auto begin = end.p.begin() + slot.offset;
      return {begin, begin + slot.tensor.elements()};
    }
    int64_t Age(const std::string& tensor) const { return end.ages[layout.by_name.at(tensor)]; }
  };
  // As many steps as there are rates; the rate of each.
  Trained Train(const OptimizerConfig& config, const std::vector<double>& rates) const {
    const auto network = NewNetwork();
    const auto optimizer = MakeOptimizer(*network, config);
    for (size_t step = 0; step < rates.size(); ++step) {
      SetGradients(step, *network);
      optimizer->Step(rates[step]);
    }
    return {optimizer->Take(), network->layout()};
  }
  // The tensors of the parts have the bits of one training, all others those of the other.
  void ExpectParts(const std::vector<TensorPart>& parts, const Trained& trained,
                   const Trained& inside, const Trained& outside) const {
    size_t count = 0;
    for (const Layout::Slot& slot : trained.layout.slots) {
      const std::string& name = slot.tensor.name;
      const bool in = spec::IsOf(parts, name, spec_);
      count += in ? 1 : 0;
      EXPECT_EQ(trained.Values(name), (in ? inside : outside).Values(name)) << name;
      EXPECT_NE(inside.Values(name), outside.Values(name)) << name;
    }
    EXPECT_GT(count, 0u);
    EXPECT_LT(count, trained.layout.slots.size());
  }

  model::ModelSpec spec_;
};

TEST_P(GroupsTest, AGroupHasItsShareOfEveryRate) {
  OptimizerConfig config = Config();
  config.groups = {{.of = {TensorPart::kCopied}, .lr_factor = 0.25}};
  // Halves and quarters are exact, so the bits can be compared.
  ExpectParts({TensorPart::kCopied}, Train(config, {1e-2, 5e-3, 2e-3}),
              Train(Config(), {2.5e-3, 1.25e-3, 5e-4}), Train(Config(), {1e-2, 5e-3, 2e-3}));
}

TEST_P(GroupsTest, AGroupWarmsUpByItself) {
  OptimizerConfig config = Config();
  config.groups = {
      {.of = {TensorPart::kGates, TensorPart::kLarge, TensorPart::kCross}, .warmup_steps = 4}};
  ExpectParts({TensorPart::kNew}, Train(config, {8e-3, 8e-3, 8e-3, 8e-3, 8e-3}),
              Train(Config(), {2e-3, 4e-3, 6e-3, 8e-3, 8e-3}),
              Train(Config(), {8e-3, 8e-3, 8e-3, 8e-3, 8e-3}));
}

TEST_P(GroupsTest, AGroupHasItsOwnWeightDecay) {
  OptimizerConfig config = Config(), none = Config();
  none.weight_decay = 0;
  config.groups = {{.of = {TensorPart::kPaths}, .weight_decay = 0}};
  const Trained trained = Train(config, {1e-2, 1e-2}), with = Train(Config(), {1e-2, 1e-2}),
                without = Train(none, {1e-2, 1e-2});
  for (const Layout::Slot& slot : trained.layout.slots) {
    const std::string& name = slot.tensor.name;
    const bool path = name.find(".path.") != std::string::npos;
    EXPECT_EQ(trained.Values(name), (path ? without : with).Values(name)) << name;
    // What does not decay at all does not begin to.
    EXPECT_EQ(with.Values(name) != without.Values(name), slot.tensor.decays()) << name;
  }
}

TEST_P(GroupsTest, OfSeveralEntriesTheLastThatSaysItHolds) {
  OptimizerConfig config = Config();
  config.groups = {{.of = {TensorPart::kNew}, .lr_factor = 0.5, .warmup_steps = 2},
                   {.of = {TensorPart::kGates}, .lr_factor = 2}};
  const Trained trained = Train(config, {4e-3, 4e-3});
  EXPECT_EQ(trained.Values("gate.weight"), Train(Config(), {4e-3, 8e-3}).Values("gate.weight"));
  EXPECT_EQ(trained.Values("large.1.attn.q.weight"),
            Train(Config(), {1e-3, 2e-3}).Values("large.1.attn.q.weight"));
}

TEST_P(GroupsTest, GroupsThatSayWhatHoldsAnywayChangeNoBit) {
  OptimizerConfig config = Config();
  config.clip = 1;
  OptimizerConfig same = config;
  same.groups = {{.of = {TensorPart::kPaths}, .lr_factor = 1, .warmup_steps = 0},
                 {.of = {TensorPart::kLarge}, .weight_decay = config.weight_decay}};
  const OptimizerSnapshot plain = Train(config, {1e-2, 1e-2, 1e-2}).end,
                          grouped = Train(same, {1e-2, 1e-2, 1e-2}).end;
  EXPECT_EQ(grouped.p, plain.p);
  EXPECT_EQ(grouped.ages, plain.ages);
  for (size_t i = 0; i < plain.state.size(); ++i)
    EXPECT_EQ(grouped.state[i].values, plain.state[i].values);
}

TEST_P(GroupsTest, FirstOnlySomeAreTrainedAndThenAll) {
  OptimizerConfig config = Config();
  config.first = {{TensorPart::kGates, TensorPart::kCross}, 2};
  config.groups = {{.of = {TensorPart::kPaths}, .warmup_steps = 2}};
  const std::set<std::string> begun = {"gate.weight", "gate.bias", "parallel.0.cross.weight",
                                       "parallel.1.cross.weight"};
  const Trained start = Train(config, {}), first = Train(config, {4e-3, 4e-3}),
                then = Train(config, {4e-3, 4e-3, 4e-3});
  for (const Layout::Slot& slot : first.layout.slots) {
    const std::string& name = slot.tensor.name;
    EXPECT_EQ(first.Values(name) != start.Values(name), begun.contains(name)) << name;
    EXPECT_EQ(first.Age(name), begun.contains(name) ? 2 : 0) << name;
    EXPECT_NE(then.Values(name), first.Values(name)) << name;
    EXPECT_EQ(then.Age(name), begun.contains(name) ? 3 : 1) << name;
  }
  // The warm-up of a group begins when the group does: with half of the rate at its first step.
  const auto network = NewNetwork();
  const auto alone = MakeOptimizer(*network, Config());
  SetGradients(2, *network);
  alone->Step(2e-3);
  const Trained once{alone->Take(), network->layout()};
  for (const char* name : {"parallel.0.path.0.attn.q.weight", "parallel.1.path.1.ffn_norm.weight"})
    EXPECT_EQ(then.Values(name), once.Values(name)) << name;
}

TEST_P(GroupsTest, WhatIsNotTrainedDoesNotCountInTheNorm) {
  OptimizerConfig config = Config();
  config.first = {{TensorPart::kGates}, 1};
  const auto network = NewNetwork();
  const auto optimizer = MakeOptimizer(*network, config);
  SetGradients(0, *network);
  double squares = 0;
  for (const char* name : {"gate.weight", "gate.bias"}) {
    const Layout::Slot& slot = network->layout().at(name);
    for (int64_t i = 0; i < slot.tensor.elements(); ++i) {
      const double g = network->gradients()[slot.offset + i];
      squares += g * g;
    }
  }
  EXPECT_NEAR(optimizer->Step(1e-3), std::sqrt(squares), 1e-9);
}

TEST_P(GroupsTest, FreezingThePathsIsTrainingTheRestFirst) {
  OptimizerConfig frozen = Config(), first = Config();
  frozen.freeze_path_steps = 2;
  first.first = {{TensorPart::kNew, TensorPart::kEmbedding, TensorPart::kHead, TensorPart::kNorm},
                 2};
  const OptimizerSnapshot a = Train(frozen, {1e-2, 1e-2, 1e-2}).end,
                          b = Train(first, {1e-2, 1e-2, 1e-2}).end;
  EXPECT_EQ(a.p, b.p);
  EXPECT_EQ(a.ages, b.ages);
}

INSTANTIATE_TEST_SUITE_P(Kinds, GroupsTest, ::testing::ValuesIn(OptimizerKinds()),
                         [](const auto& one) { return schema::NameOf(one.param.kind); });

// AdamW as it is written down, in double precision, with the rate and the decay of each tensor.
TEST(GroupsOfAdamWTest, UpdatesEqualTheFormula) {
  model::ModelSpec spec;
  spec.name = "c";
  spec.vocab = 11;
  spec.pad_id = 10;
  spec.sequence = 8;
  spec.kind = model::Kind::kComposite;
  spec.connection.kind = Word("slice");
  spec.paths = {{"a", 8, 2, 1, 16}, {"b", 8, 2, 1, 16}};
  spec.large = {"large", 16, 2, 2, 32};
  const auto network = Network::Create(spec, "cpu").value();
  network->Initialize(3);
  OptimizerConfig config;
  config.groups = {{.of = {TensorPart::kCopied}, .lr_factor = 0.3, .weight_decay = 0.5},
                   {.of = {TensorPart::kNew}, .lr_factor = 1.7, .warmup_steps = 3}};
  const auto optimizer = MakeOptimizer(*network, config);
  const auto size = static_cast<size_t>(network->layout().size);
  std::vector<double> p(network->parameters(), network->parameters() + size), m(size), v(size);
  for (int step = 0; step < 5; ++step) {
    const RandomStream random(static_cast<uint64_t>(step), "gradients");
    double squares = 0;
    for (const Layout::Slot& slot : network->layout().slots) {
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i) {
        network->gradients()[i] = random.Normal(static_cast<uint64_t>(i));
        squares += std::pow(static_cast<double>(network->gradients()[i]), 2);
      }
    }
    const double clip = std::max(1.0, std::sqrt(squares));
    for (const Layout::Slot& slot : network->layout().slots) {
      const std::string& name = slot.tensor.name;
      const bool is_new = name.starts_with("large.") || name.starts_with("gate.");
      const double lr = 1e-2 * (is_new ? 1.7 * std::min(1.0, (step + 1) / 3.0) : 0.3);
      const double decay = !slot.tensor.decays() ? 0 : is_new ? 0.1 : 0.5;
      for (int64_t e = 0; e < slot.tensor.elements(); ++e) {
        const auto i = static_cast<size_t>(slot.offset + e);
        const double g = network->gradients()[i] / clip;
        p[i] -= lr * decay * p[i];
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        p[i] -= lr * (m[i] / (1 - std::pow(0.9, step + 1))) /
                (std::sqrt(v[i] / (1 - std::pow(0.95, step + 1))) + 1e-5);
      }
    }
    optimizer->Step(1e-2);
  }
  for (size_t i = 0; i < size; ++i)
    ASSERT_NEAR(network->parameters()[i], p[i], 1e-6 + 1e-5 * std::abs(p[i])) << i;
}

}  // namespace
}  // namespace braid::trainer
