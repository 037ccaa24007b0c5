// Sequences that share beginnings give what each of them gives alone, whatever the network
// computes.
#include "trainer/network/prefix_tree.h"

#include <gmock/gmock.h>

#include "base/random.h"
#include "tests/trainer/network/specs.h"

namespace braid::trainer {
namespace {

class PrefixTreeTest : public ::testing::TestWithParam<model::ModelSpec> {
 protected:
  static std::unique_ptr<Network> Make(const model::ModelSpec& spec) {
    ConfigureRuntime(1);
    auto network = Network::Create(spec, "cpu").value();
    network->Initialize(5);
    // Larger than the initial weights, so that every part of the network matters.
    for (const Layout::Slot& slot : network->layout().slots) {
      float* values = network->parameters() + slot.offset;
      for (int64_t i = 0; i < slot.tensor.elements(); ++i) {
        if (slot.tensor.init == model::Init::kNormal) values[i] *= 6;
      }
    }
    return network;
  }
};

// Sequences of 30, 9, 12 and one token: the second leaves the first after 6 of them, the third the
// second after 7, and the last is the first token alone. More rows than those for which the network
// takes ATen's products.
struct Sequences {
  std::vector<std::vector<int32_t>> tokens;
  PrefixTree tree;
  std::vector<std::vector<size_t>> targets;  // of each sequence, one after each token
};

Sequences Made() {
  const RandomStream draws(7, "tokens");
  auto draw = [&, next = uint64_t{0}]() mutable {
    return static_cast<int32_t>(draws.Below(next++, kVocab - 1));
  };
  Sequences made;
  std::vector<std::vector<int32_t>> rows;
  const auto add = [&](size_t from, size_t shared, size_t length) {
    std::vector<int32_t> tokens, own;
    std::vector<size_t> targets;
    if (shared > 0) {
      const auto count = static_cast<std::ptrdiff_t>(shared);
      tokens.assign(made.tokens[from].begin(), made.tokens[from].begin() + count);
      own.assign(rows[from].begin(), rows[from].begin() + count);
      targets.assign(made.targets[from].begin(), made.targets[from].begin() + count - 1);
    }
    while (tokens.size() < length) {
      made.tree.parents.push_back(own.empty() ? -1 : own.back());
      own.push_back(static_cast<int32_t>(made.tree.ids.size()));
      tokens.push_back(draw());
      made.tree.ids.push_back(tokens.back());
    }
    for (size_t i = targets.size(); i < length; ++i) {
      targets.push_back(made.tree.targets.size());
      made.tree.targets.push_back({own[i], i + 1 < length ? tokens[i + 1] : draw()});
    }
    made.tokens.push_back(tokens);
    made.targets.push_back(targets);
    rows.push_back(own);
  };
  add(0, 0, 30);
  add(0, 6, 9);
  add(1, 7, 12);
  add(0, 1, 1);
  return made;
}

TEST_P(PrefixTreeTest, TargetsHaveTheProbabilitiesOfWholeSequences) {
  const auto network = Make(GetParam());
  ASSERT_TRUE(ReadsPrefixTrees(*network));
  const Sequences made = Made();
  const std::vector<float> log_p = PrefixLogProbabilities(*network, made.tree);
  ASSERT_EQ(log_p.size(), made.tree.targets.size());
  for (size_t s = 0; s < made.tokens.size(); ++s) {
    std::vector<int32_t> labels;
    for (const size_t target : made.targets[s]) labels.push_back(made.tree.targets[target].id);
    const std::vector<float> alone = network->TokenLogProbabilities(
        made.tokens[s].data(), labels.data(), 1, static_cast<int64_t>(labels.size()));
    for (size_t i = 0; i < labels.size(); ++i) {
      EXPECT_NEAR(log_p[made.targets[s][i]], alone[i], 2e-4)  // each is within 1e-4 of what is
                                                              // exact
          << "sequence " << s << ", token " << i;
    }
  }
}

TEST_P(PrefixTreeTest, ThreadsChangeNoBit) {
  const auto network = Make(GetParam());
  const Sequences made = Made();
  const std::vector<float> one = PrefixLogProbabilities(*network, made.tree);
  ConfigureRuntime(2);
  const std::vector<float> two = PrefixLogProbabilities(*network, made.tree);
  ConfigureRuntime(1);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PrefixTreeTest, ::testing::ValuesIn(EveryKind()), KindName);

TEST(PrefixTreeNoiseTest, NoTreeIsReadWhereRowsDrawNoise) {
  ConfigureRuntime(1);
  model::ModelSpec spec = Composite();
  spec.connection = {Word("routed"), {Word("gumbel"), Word("x"), 1.0, true}, false, false};
  EXPECT_TRUE(ReadsPrefixTrees(*Network::Create(spec, "cpu").value()));
  spec.arch.router_noise = model::RouterNoise::kAlways;
  EXPECT_FALSE(ReadsPrefixTrees(*Network::Create(spec, "cpu").value()));
}

}  // namespace
}  // namespace braid::trainer
