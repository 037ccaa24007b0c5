#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "tests/word.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

// AdamW as it is written down (Loshchilov and Hutter 2019), in double precision, tensor by tensor.
struct Reference {
  std::vector<double> p, m, v;
  std::vector<int64_t> ages;  // by slot
  std::vector<bool> frozen = {};

  double Step(std::vector<float> gradients, double lr, const Layout& layout,
              const OptimizerConfig& config) {
    double squares = 0;
    for (size_t s = 0; s < layout.slots.size(); ++s) {
      if (!frozen.empty() && frozen[s]) continue;
      for (int64_t i = 0; i < layout.slots[s].tensor.elements(); ++i) {
        const double g = gradients[static_cast<size_t>(layout.slots[s].offset + i)];
        squares += g * g;
      }
    }
    const double norm = std::sqrt(squares);
    const double scale = config.clip > 0 && norm > config.clip ? config.clip / norm : 1;
    for (size_t s = 0; s < layout.slots.size(); ++s) {
      if (!frozen.empty() && frozen[s]) continue;
      const model::TensorSpec& tensor = layout.slots[s].tensor;
      const auto age = static_cast<double>(++ages[s]);
      for (int64_t e = 0; e < tensor.elements(); ++e) {
        const auto i = static_cast<size_t>(layout.slots[s].offset + e);
        const double g = gradients[i] * scale;
        const bool decays = config.decay_scope == spec::DecayScope::kAllButEmbedding
                                ? tensor.name != "embed.weight"
                                : config.decay_scope == spec::DecayScope::kAll || tensor.decays();
        if (decays) p[i] -= lr * config.weight_decay * p[i];
        m[i] = config.beta1 * m[i] + (1 - config.beta1) * g;
        v[i] = config.beta2 * v[i] + (1 - config.beta2) * g * g;
        const double m_hat = m[i] / (1 - std::pow(config.beta1, age));
        const double v_hat = v[i] / (1 - std::pow(config.beta2, age));
        p[i] -= lr * m_hat / (std::sqrt(v_hat) + config.eps);
      }
    }
    return norm;
  }
};

class AdamWTest : public ::testing::Test {
 protected:
  AdamWTest() {
    model::ModelSpec spec;
    spec.name = "m";
    spec.vocab = 11;
    spec.pad_id = 10;
    spec.sequence = 8;
    spec.dense = {"m", 8, 2, 1, 16};
    Use(spec);
  }
  void Use(const model::ModelSpec& spec) {
    network_ = Network::Create(spec, "cpu").value();
    network_->Initialize(3);
    size_ = static_cast<size_t>(network_->layout().size);
  }
  // Two paths of two blocks.
  void UseComposite() {
    model::ModelSpec spec = network_->spec();
    spec.kind = model::Kind::kComposite;
    spec.dense = {};
    spec.paths = {{"a", 8, 2, 2, 16}, {"b", 8, 2, 2, 16}};
    spec.large = {"large", 16, 2, 2, 32};
    Use(spec);
  }
  std::vector<bool> OfPaths() const {
    std::vector<bool> paths;
    for (const Layout::Slot& slot : network_->layout().slots) {
      const std::string& name = slot.tensor.name;
      bool found = false;
      for (const char* path : {"parallel.0.path.0.", "parallel.0.path.1.", "parallel.1.path.0.",
                               "parallel.1.path.1."}) {
        found = found || name.starts_with(path);
      }
      paths.push_back(found);
    }
    return paths;
  }
  Reference NewReference() {
    const std::vector<float> start = Parameters();
    return {{start.begin(), start.end()},
            std::vector<double>(size_),
            std::vector<double>(size_),
            std::vector<int64_t>(network_->layout().slots.size())};
  }
  void ExpectEqual(const Reference& reference) {
    for (size_t i = 0; i < size_; ++i) {
      ASSERT_NEAR(network_->parameters()[i], reference.p[i], 1e-6 + 1e-5 * std::abs(reference.p[i]))
          << i;
      EXPECT_EQ(network_->gradients()[i], 0.0f);
    }
  }
  std::vector<float> Parameters() {
    return {network_->parameters(), network_->parameters() + size_};
  }
  // The gaps between tensors get none, as from a backward pass.
  std::vector<float> SetGradients(uint64_t draw, float size) {
    const RandomStream random(draw, "gradients");
    for (const Layout::Slot& slot : network_->layout().slots) {
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i) {
        network_->gradients()[i] = size * random.Normal(static_cast<uint64_t>(i));
      }
    }
    return {network_->gradients(), network_->gradients() + size_};
  }

  void CompareWithReference(const OptimizerConfig& config, float gradient_size) {
    const auto optimizer = MakeOptimizer(*network_, config);
    Reference reference = NewReference();
    for (uint64_t step = 0; step < 4; ++step) {
      const double lr = 1e-2 / static_cast<double>(step + 1);
      const double norm = reference.Step(SetGradients(step, gradient_size), lr, network_->layout(),
                                         config);
      EXPECT_NEAR(optimizer->Step(lr) / norm, 1, 1e-12);  // added in fp64, whatever the size
    }
    ExpectEqual(reference);
  }

  std::unique_ptr<Network> network_;
  size_t size_ = 0;
};

TEST_F(AdamWTest, EqualsTheFormulaWithClipping) {
  CompareWithReference({0.9, 0.95, 1e-5, 0.1, Word("matrices"), 1.0}, 3.0f);
}
TEST_F(AdamWTest, EqualsTheFormulaBelowTheClip) {
  CompareWithReference({0.9, 0.95, 1e-5, 0.1, Word("matrices"), 1e6}, 0.5f);
}
TEST_F(AdamWTest, EqualsTheFormulaWithoutClipping) {
  CompareWithReference({0.8, 0.99, 1e-8, 0.3, Word("matrices"), 0}, 2.0f);
}
TEST_F(AdamWTest, DecaysEverythingButTheEmbeddingIfAsked) {
  CompareWithReference({0.9, 0.95, 1e-5, 0.5, Word("all_but_embedding"), 1.0}, 1.0f);
}
TEST_F(AdamWTest, DecaysEverythingIfAsked) {
  CompareWithReference({0.9, 0.95, 1e-5, 0.5, Word("all"), 1.0}, 1.0f);
}

// `scale_decay` of dual-path blocks is a knob of its own.
TEST_F(AdamWTest, ScalesDecayIfTheySayThemselves) {
  for (const bool decays : {false, true}) {
    model::ModelSpec spec;
    spec.name = "m";
    spec.vocab = 10;
    spec.pad_id = 9;
    spec.sequence = 8;
    spec.dense = {"m", 8, 2, 1, 0};
    spec.dense.block = Word("wide");
    spec.dense.dual.ffn_wide = 8;
    spec.dense.dual.scale_decay = decays;
    const auto network = Network::Create(spec, "cpu").value();
    network->Initialize(1);
    const auto optimizer = MakeOptimizer(*network,
                                         {.weight_decay = 0.5, .decay_scope = Word("all")});
    network->ZeroGradients();
    const int64_t scale = network->layout().at("blocks.0.wide.scale").offset;
    const float before = network->parameters()[scale];
    ASSERT_NE(before, 0);
    optimizer->Step(0.1);
    EXPECT_EQ(network->parameters()[scale] != before, decays);
  }
}

// The dual-path paper's runs: gains, q and k gains, biases, scales, all but the embedding.
TEST_F(AdamWTest, AllButTheEmbeddingIsEveryOtherTensorOfADualPathModel) {
  model::ModelSpec spec;
  spec.name = "m";
  spec.vocab = 10;
  spec.pad_id = 9;
  spec.sequence = 8;
  spec.dense = {"m", 8, 2, 1, 0, Word("dual_path")};
  spec.dense.dual.ffn_deep = spec.dense.dual.ffn_wide = 8;
  spec.dense.dual.loops = 2;
  spec.dense.dual.qk_norm = true;
  Use(spec);
  for (size_t i = 0; i < size_; ++i) network_->parameters()[i] = 0.5f;
  const auto optimizer = MakeOptimizer(
      *network_, {.weight_decay = 0.5, .decay_scope = Word("all_but_embedding")});
  network_->ZeroGradients();
  optimizer->Step(0.1);
  for (const Layout::Slot& slot : network_->layout().slots) {
    EXPECT_NEAR(network_->parameters()[slot.offset],
                slot.tensor.name == "embed.weight" ? 0.5 : 0.5 * (1 - 0.1 * 0.5), 1e-6)
        << slot.tensor.name;
  }
}

TEST_F(AdamWTest, FrozenPathsKeepTheirBitsAndDoNotCountInTheNorm) {
  UseComposite();
  const OptimizerConfig config{
      .weight_decay = 0.5, .decay_scope = Word("all"), .clip = 1.0, .freeze_path_steps = -1};
  const auto optimizer = MakeOptimizer(*network_, config);
  const std::vector<float> start = Parameters();
  Reference reference = NewReference();
  reference.frozen = OfPaths();
  for (uint64_t step = 0; step < 3; ++step) {
    const double norm = reference.Step(SetGradients(step, 2), 1e-2, network_->layout(), config);
    EXPECT_NEAR(optimizer->Step(1e-2) / norm, 1, 1e-12);
  }
  ExpectEqual(reference);
  const OptimizerSnapshot end = optimizer->Take();
  int64_t frozen = 0;
  for (size_t s = 0; s < reference.frozen.size(); ++s) {
    const Layout::Slot& slot = network_->layout().slots[s];
    EXPECT_EQ(end.ages[s], reference.frozen[s] ? 0 : 3) << slot.tensor.name;
    frozen += reference.frozen[s];
    for (int64_t i = slot.offset; reference.frozen[s] && i < slot.offset + slot.tensor.elements();
         ++i) {
      ASSERT_EQ(network_->parameters()[i], start[static_cast<size_t>(i)]) << slot.tensor.name;
    }
  }
  EXPECT_EQ(frozen, 4 * 9);
}

TEST_F(AdamWTest, FrozenPathsThawWithAnAgeOfTheirOwn) {
  UseComposite();
  const OptimizerConfig config{.freeze_path_steps = 2};
  const auto optimizer = MakeOptimizer(*network_, config);
  Reference reference = NewReference();
  for (uint64_t step = 0; step < 5; ++step) {
    reference.frozen = step < 2 ? OfPaths() : std::vector<bool>();
    const double norm = reference.Step(SetGradients(step, 2), 1e-2, network_->layout(), config);
    EXPECT_NEAR(optimizer->Step(1e-2) / norm, 1, 1e-12);
  }
  ExpectEqual(reference);
  EXPECT_EQ(optimizer->Take().ages, reference.ages);
}

TEST_F(AdamWTest, EachTensorIsCorrectedByItsOwnAge) {
  UseComposite();
  const OptimizerConfig config{.clip = 0};
  const auto optimizer = MakeOptimizer(*network_, config);
  OptimizerSnapshot carried = optimizer->Take();
  std::vector<float>&m = carried.Of("m").values, &v = carried.Of("v").values;
  Reference reference = NewReference();
  const RandomStream random(1, "moments");
  const std::vector<bool> of_paths = OfPaths();
  for (size_t s = 0; s < of_paths.size(); ++s) {
    const Layout::Slot& slot = network_->layout().slots[s];
    if (!of_paths[s]) continue;  // new tensors begin with nothing
    carried.ages[s] = reference.ages[s] = slot.tensor.name.starts_with("parallel.0") ? 40 : 7;
    for (auto i = static_cast<size_t>(slot.offset);
         i < static_cast<size_t>(slot.offset + slot.tensor.elements()); ++i) {
      m[i] = 0.3f * random.Normal(2 * i);
      v[i] = std::abs(0.2f * random.Normal(2 * i + 1));
      reference.m[i] = m[i];
      reference.v[i] = v[i];
    }
  }
  optimizer->Restore(carried);
  for (uint64_t step = 0; step < 3; ++step) {
    reference.Step(SetGradients(step, 1), 1e-2, network_->layout(), config);
    optimizer->Step(1e-2);
  }
  ExpectEqual(reference);
  EXPECT_EQ(optimizer->Take().ages, reference.ages);

  const auto other = MakeOptimizer(*network_, config);
  other->Restore(optimizer->Take());
  EXPECT_EQ(other->Take().ages, reference.ages);
}

TEST_F(AdamWTest, AGradientThatIsNotFiniteChangesNothing) {
  const auto optimizer = MakeOptimizer(*network_, {});
  SetGradients(1, 1);
  optimizer->Step(1e-3);
  const OptimizerSnapshot before = optimizer->Take();
  SetGradients(2, 1);
  network_->gradients()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(optimizer->Step(1e-3)));
  const OptimizerSnapshot after = optimizer->Take();
  EXPECT_EQ(before.p, after.p);
  EXPECT_EQ(before.Of("m").values, after.Of("m").values);
  EXPECT_EQ(before.step, after.step);
}

TEST_F(AdamWTest, ARestoredSnapshotGoesOnWithTheSameBits) {
  const auto optimizer = MakeOptimizer(*network_, {});
  SetGradients(1, 1);
  optimizer->Step(1e-3);
  const OptimizerSnapshot middle = optimizer->Take();
  SetGradients(2, 1);
  optimizer->Step(1e-3);
  const OptimizerSnapshot end = optimizer->Take();

  const auto other = MakeOptimizer(*network_, {});
  other->Restore(middle);
  SetGradients(2, 1);
  other->Step(1e-3);
  const OptimizerSnapshot again = other->Take();
  EXPECT_EQ(again.p, end.p);
  for (const char* moment : {"m", "v"}) EXPECT_EQ(again.Of(moment).values, end.Of(moment).values);
  EXPECT_EQ(again.step, 2);
}

}  // namespace
}  // namespace braid::trainer
