#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "spec/optimizer_state.h"
#include "tests/word.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// Row-major, in double precision.
struct Matrix {
  size_t rows = 0, columns = 0;
  std::vector<double> values;

  double& at(size_t r, size_t c) { return values[r * columns + c]; }
  double at(size_t r, size_t c) const { return values[r * columns + c]; }
};

Matrix Zeros(size_t rows, size_t columns) {
  return {rows, columns, std::vector<double>(rows * columns)};
}

Matrix Product(const Matrix& a, const Matrix& b) {
  Matrix c = Zeros(a.rows, b.columns);
  for (size_t i = 0; i < a.rows; ++i) {
    for (size_t k = 0; k < a.columns; ++k) {
      for (size_t j = 0; j < b.columns; ++j) c.at(i, j) += a.at(i, k) * b.at(k, j);
    }
  }
  return c;
}

Matrix Transposed(const Matrix& a) {
  Matrix t = Zeros(a.columns, a.rows);
  for (size_t i = 0; i < a.rows; ++i) {
    for (size_t j = 0; j < a.columns; ++j) t.at(j, i) = a.at(i, j);
  }
  return t;
}

Matrix Sum(double a, const Matrix& x, double b, const Matrix& y) {
  Matrix sum = x;
  for (size_t i = 0; i < sum.values.size(); ++i) sum.values[i] = a * x.values[i] + b * y.values[i];
  return sum;
}

// The iteration as it is published (Jordan et al. 2024), tall matrices not turned round:
// X <- a X + (b A + c A A) X with A = X X'.
Matrix NewtonSchulz(Matrix x) {
  double squares = 0;
  for (const double value : x.values) squares += value * value;
  for (double& value : x.values) value /= std::max(std::sqrt(squares), 1e-7);
  for (int step = 0; step < 5; ++step) {
    const Matrix gram = Product(x, Transposed(x));
    const Matrix polynomial = Sum(-4.7750, gram, 2.0315, Product(gram, gram));
    x = Sum(3.4445, x, 1, Product(polynomial, x));
  }
  return x;
}

class MuonTest : public ::testing::Test {
 protected:
  MuonTest() {
    model::ModelSpec spec;
    spec.name = "m";
    spec.vocab = 11;
    spec.pad_id = 10;
    spec.sequence = 8;
    spec.dense = {"m", 8, 2, 2, 12};
    Use(spec);
  }
  void Use(const model::ModelSpec& spec) {
    network_ = Network::Create(spec, "cpu").value();
    network_->Initialize(3);
  }
  void UseComposite(const std::string& block) {
    model::ModelSpec spec = network_->spec();
    spec.kind = model::Kind::kComposite;
    spec.dense = {};
    spec.paths = {{"a", 8, 2, 2, 16}, {"b", 8, 2, 2, 16, Word(block)}};
    if (block != "llama") {
      spec.paths[1].ffn = 0;
      spec.paths[1].dual.ffn_deep = spec.paths[1].dual.ffn_wide = 8;
      spec.paths[1].dual.loops = 2;
      spec.paths[1].dual.qk_norm = spec.paths[1].dual.cross = true;
    }
    spec.large = {"large", 16, 2, 2, 32};
    Use(spec);
  }
  OptimizerConfig Config() const {
    OptimizerConfig config;
    config.kind = Word("muon");
    return config;
  }
  std::vector<double> Values(const float* buffer, const Layout::Slot& slot) const {
    return {buffer + slot.offset, buffer + slot.offset + slot.tensor.elements()};
  }
  void SetGradients(uint64_t draw, float size) {
    const RandomStream random(draw, "gradients");
    for (const Layout::Slot& slot : network_->layout().slots) {
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i)
        network_->gradients()[i] = size * random.Normal(static_cast<uint64_t>(i));
    }
  }
  std::vector<float> Parameters() {
    return {network_->parameters(), network_->parameters() + network_->layout().size};
  }
  // Names of the tensors outside of blocks, and of block 0 of each stack, that have a state.
  std::vector<std::string> Covered(const StateLayout& state) const {
    std::vector<std::string> names;
    for (size_t i = 0; i < network_->layout().slots.size(); ++i) {
      if (state.Covers(i)) names.push_back(network_->layout().slots[i].tensor.name);
    }
    return names;
  }

  std::unique_ptr<Network> network_;
};

TEST_F(MuonTest, MatricesOfBlocksHaveAMomentumAndAllOthersAdamWsMoments) {
  model::ModelSpec spec = network_->spec();
  spec.dense.blocks = 1;
  Use(spec);
  const auto states = FindOptimizer(spec::OptimizerKind::kMuon).states(network_->layout());
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(states[0].name, "momentum");
  EXPECT_THAT(Covered(states[0]),
              UnorderedElementsAre("blocks.0.attn.q.weight", "blocks.0.attn.k.weight",
                                   "blocks.0.attn.v.weight", "blocks.0.attn.o.weight",
                                   "blocks.0.ffn.gate.weight", "blocks.0.ffn.up.weight",
                                   "blocks.0.ffn.down.weight"));
  for (const size_t moment : {1, 2}) {
    EXPECT_THAT(Covered(states[moment]),
                UnorderedElementsAre("embed.weight", "blocks.0.attn_norm.weight",
                                     "blocks.0.ffn_norm.weight", "norm.weight", "head.weight"));
  }
  // Two floats a parameter without momentum, one with: no element is kept twice.
  EXPECT_LT(states[0].size, 4 * 8 * 8 + 3 * 8 * 12 + 8 * 64);
}

TEST_F(MuonTest, GatesRoutersAndConnectionsOfACompositeFollowAdamW) {
  UseComposite("dual_path");
  const auto states = FindOptimizer(spec::OptimizerKind::kMuon).states(network_->layout());
  std::vector<std::string> matrices;
  for (const Layout::Slot& slot : network_->layout().slots) {
    const model::TensorSpec& tensor = slot.tensor;
    const size_t i = network_->layout().by_name.at(tensor.name);
    EXPECT_NE(states[0].Covers(i), states[1].Covers(i)) << tensor.name;
    if (tensor.role == model::Role::kMatrix && states[1].Covers(i)) matrices.push_back(tensor.name);
  }
  EXPECT_THAT(matrices, UnorderedElementsAre(
                            "shrink.weight", "parallel.0.share.weight", "parallel.1.share.weight",
                            "parallel.0.path.1.router.weight", "parallel.0.path.1.gate.weight",
                            "parallel.1.path.1.router.weight", "parallel.1.path.1.gate.weight"));
  const auto covers = [&](const char* name) {
    return states[0].Covers(network_->layout().by_name.at(name));
  };
  EXPECT_TRUE(covers("large.1.ffn.down.weight"));
  EXPECT_TRUE(covers("parallel.1.path.0.attn.q.weight"));
  EXPECT_TRUE(covers("parallel.1.path.1.deep.ffn.gate.weight"));
  EXPECT_TRUE(covers("parallel.1.path.1.cross.deep.weight"));
}

TEST_F(MuonTest, EqualsTheFormulaOfEachMatrix) {
  OptimizerConfig config = Config();
  config.weight_decay = 0.3;
  config.momentum = 0.8;
  config.clip = 1.0;
  const auto optimizer = MakeOptimizer(*network_, config);
  const Layout& layout = network_->layout();
  std::map<std::string, std::pair<Matrix, Matrix>> reference;  // parameters and momentum
  for (const Layout::Slot& slot : layout.slots) {
    if (slot.tensor.role != model::Role::kMatrix) continue;
    const auto rows = static_cast<size_t>(slot.tensor.shape[0]),
               columns = static_cast<size_t>(slot.tensor.shape[1]);
    reference[slot.tensor.name] = {{rows, columns, Values(network_->parameters(), slot)},
                                   Zeros(rows, columns)};
  }
  for (uint64_t step = 0; step < 4; ++step) {
    const double lr = 1e-2 / static_cast<double>(step + 1);
    SetGradients(step, 3);
    double squares = 0;
    for (int64_t i = 0; i < layout.size; ++i)
      squares += std::pow(static_cast<double>(network_->gradients()[i]), 2);
    const double divide = std::max(1.0, std::sqrt(squares));
    for (auto& [name, state] : reference) {
      auto& [p, momentum] = state;
      Matrix g = {p.rows, p.columns, Values(network_->gradients(), layout.at(name))};
      g = Sum(1 / divide, g, 0, g);
      momentum = Sum(0.8, momentum, 0.2, g);
      const Matrix update = NewtonSchulz(Sum(0.2, g, 0.8, momentum));
      const double size = 0.2 * std::sqrt(static_cast<double>(std::max(p.rows, p.columns)));
      p = Sum(1 - lr * 0.3, p, -lr * size, update);
    }
    EXPECT_NEAR(optimizer->Step(lr) / std::sqrt(squares), 1, 1e-12);
  }
  EXPECT_EQ(reference.size(), 14u);
  const OptimizerSnapshot end = optimizer->Take();
  const StateLayout& momentum = end.Of("momentum").layout;
  for (const auto& [name, state] : reference) {
    const Layout::Slot& slot = layout.at(name);
    const int64_t offset = momentum.offsets[layout.by_name.at(name)];
    for (size_t i = 0; i < state.first.values.size(); ++i) {
      ASSERT_NEAR(end.p[static_cast<size_t>(slot.offset) + i], state.first.values[i], 2e-6) << name;
      ASSERT_NEAR(end.Of("momentum").values[static_cast<size_t>(offset) + i],
                  state.second.values[i], 1e-6)
          << name;
    }
  }
}

// Everything else has the very bits that AdamW gives it.
TEST_F(MuonTest, TheOtherTensorsFollowAdamW) {
  const OptimizerConfig config = Config();
  const auto muon = MakeOptimizer(*network_, config);
  const auto other = Network::Create(network_->spec(), "cpu").value();
  other->Initialize(3);
  const auto adamw = MakeOptimizer(*other, {});
  for (uint64_t step = 0; step < 3; ++step) {
    SetGradients(step, 2);
    std::copy_n(network_->gradients(), network_->layout().size, other->gradients());
    EXPECT_EQ(muon->Step(1e-2), adamw->Step(1e-2));
  }
  for (const Layout::Slot& slot : network_->layout().slots) {
    EXPECT_EQ(Values(network_->parameters(), slot) == Values(other->parameters(), slot),
              slot.tensor.role != model::Role::kMatrix)
        << slot.tensor.name;
  }
}

TEST_F(MuonTest, ARestoredSnapshotGoesOnWithTheSameBits) {
  UseComposite("dual_path");
  const auto optimizer = MakeOptimizer(*network_, Config());
  SetGradients(1, 1);
  optimizer->Step(1e-3);
  const OptimizerSnapshot middle = optimizer->Take();
  SetGradients(2, 1);
  optimizer->Step(1e-3);
  const OptimizerSnapshot end = optimizer->Take();
  const auto other = MakeOptimizer(*network_, Config());
  other->Restore(middle);
  SetGradients(2, 1);
  other->Step(1e-3);
  const OptimizerSnapshot again = other->Take();
  EXPECT_EQ(again.p, end.p);
  ASSERT_EQ(again.state.size(), 3u);
  for (const auto& state : end.state)
    EXPECT_EQ(again.Of(state.layout.name).values, state.values) << state.layout.name;
  EXPECT_EQ(again.ages, end.ages);
}

TEST_F(MuonTest, FrozenPathsKeepTheirBitsAndTheirMomentum) {
  UseComposite("llama");
  OptimizerConfig config = Config();
  config.freeze_path_steps = 1;
  const auto optimizer = MakeOptimizer(*network_, config);
  const std::vector<float> start = Parameters();
  const Layout& layout = network_->layout();
  for (uint64_t step = 0; step < 2; ++step) {
    SetGradients(step, 1);
    optimizer->Step(1e-2);
    const OptimizerSnapshot now = optimizer->Take();
    for (size_t i = 0; i < layout.slots.size(); ++i) {
      const Layout::Slot& slot = layout.slots[i];
      const bool of_path = slot.tensor.name.find(".path.") != std::string::npos;
      EXPECT_EQ(now.ages[i], static_cast<int64_t>(step) + (of_path ? 0 : 1)) << slot.tensor.name;
      const bool same = std::equal(now.p.begin() + slot.offset,
                                   now.p.begin() + slot.offset + slot.tensor.elements(),
                                   start.begin() + slot.offset);
      EXPECT_EQ(same, of_path && step == 0) << slot.tensor.name;
    }
  }
}

TEST_F(MuonTest, AGradientThatIsNotFiniteChangesNothing) {
  const auto optimizer = MakeOptimizer(*network_, Config());
  SetGradients(1, 1);
  optimizer->Step(1e-3);
  const OptimizerSnapshot before = optimizer->Take();
  SetGradients(2, 1);
  network_->gradients()[5] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(optimizer->Step(1e-3)));
  const OptimizerSnapshot after = optimizer->Take();
  EXPECT_EQ(before.p, after.p);
  EXPECT_EQ(before.Of("momentum").values, after.Of("momentum").values);
  EXPECT_EQ(before.ages, after.ages);
}

// A matrix without a gradient has no direction: it decays and nothing else.
TEST_F(MuonTest, AMatrixWithoutAGradientIsFinite) {
  OptimizerConfig config = Config();
  config.weight_decay = 0.5;
  const auto optimizer = MakeOptimizer(*network_, config);
  const std::vector<float> start = Parameters();
  network_->ZeroGradients();
  optimizer->Step(0.1);
  const int64_t q = network_->layout().at("blocks.0.attn.q.weight").offset;
  EXPECT_FLOAT_EQ(network_->parameters()[q], start[static_cast<size_t>(q)] * 0.95f);
}

// What recipes count of a checkpoint is what the optimizers keep.
TEST_F(MuonTest, StatesAreAsManyAsSettingsSay) {
  UseComposite("dual_path");
  for (const spec::OptimizerKind kind : {spec::OptimizerKind::kAdamW, spec::OptimizerKind::kMuon}) {
    int64_t kept = 0;
    for (const StateLayout& state : FindOptimizer(kind).states(network_->layout())) {
      for (size_t slot = 0; slot < state.offsets.size(); ++slot) {
        if (state.Covers(slot)) kept += network_->layout().slots[slot].tensor.elements();
      }
    }
    EXPECT_EQ(spec::StateValues(kind, network_->spec(), /*whole=*/true), kept);
  }
}

TEST(OptimizerKindsTest, EveryWordOfRecipesHasItsOptimizer) {
  const Words& words = WordsOf(spec::OptimizerKind());
  EXPECT_EQ(OptimizerKinds().size(), words.size());
  for (const std::string& word : words) {
    const auto kind = *FromName<spec::OptimizerKind>(word);
    EXPECT_EQ(FindOptimizer(kind).kind, kind) << word;
  }
}

}  // namespace
}  // namespace braid::trainer
