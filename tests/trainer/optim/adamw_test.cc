#include "trainer/optim/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace braid::trainer {
namespace {

// AdamW as it is written down (Loshchilov and Hutter 2019), in double precision.
struct Reference {
  std::vector<double> p, m, v;
  int64_t step = 0;

  double Step(const std::vector<float>& gradients, double lr, int64_t decayed, const AdamWConfig& config) {
    double squares = 0;
    for (const float g : gradients) squares += static_cast<double>(g) * g;
    const double norm = std::sqrt(squares);
    const double scale = config.clip > 0 && norm > config.clip ? config.clip / norm : 1;
    ++step;
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = gradients[i] * scale;
      const bool decay = config.decay_scope == "all" || static_cast<int64_t>(i) < decayed;
      if (decay) p[i] -= lr * config.weight_decay * p[i];
      m[i] = config.beta1 * m[i] + (1 - config.beta1) * g;
      v[i] = config.beta2 * v[i] + (1 - config.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(config.beta1, static_cast<double>(step)));
      const double v_hat = v[i] / (1 - std::pow(config.beta2, static_cast<double>(step)));
      p[i] -= lr * m_hat / (std::sqrt(v_hat) + config.eps);
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
    spec.dense = {"m", 8, 2, 1, 16, "llama"};
    network_ = Network::Create(spec, "cpu").value();
    network_->Initialize(3);
    size_ = static_cast<size_t>(network_->layout().size);
  }
  std::vector<float> Parameters() { return {network_->parameters(), network_->parameters() + size_}; }
  std::vector<float> SetGradients(uint64_t draw, float size) {
    const RandomStream random(draw, "gradients");
    for (size_t i = 0; i < size_; ++i) network_->gradients()[i] = size * random.Normal(i);
    return {network_->gradients(), network_->gradients() + size_};
  }

  void CompareWithReference(const AdamWConfig& config, float gradient_size) {
    AdamW optimizer(*network_, config);
    const std::vector<float> start = Parameters();
    Reference reference{{start.begin(), start.end()}, std::vector<double>(size_), std::vector<double>(size_)};
    for (uint64_t step = 0; step < 4; ++step) {
      const double lr = 1e-2 / static_cast<double>(step + 1);
      const std::vector<float> gradients = SetGradients(step, gradient_size);
      const double norm = reference.Step(gradients, lr, network_->layout().decayed, config);
      EXPECT_NEAR(optimizer.Step(lr) / norm, 1, 1e-5);
    }
    for (size_t i = 0; i < size_; ++i) {
      ASSERT_NEAR(network_->parameters()[i], reference.p[i], 1e-6 + 1e-5 * std::abs(reference.p[i])) << i;
      EXPECT_EQ(network_->gradients()[i], 0.0f);
    }
  }

  std::unique_ptr<Network> network_;
  size_t size_ = 0;
};

TEST_F(AdamWTest, EqualsTheFormulaWithClipping) { CompareWithReference({0.9, 0.95, 1e-5, 0.1, "matrices", 1.0}, 3.0f); }
TEST_F(AdamWTest, EqualsTheFormulaBelowTheClip) { CompareWithReference({0.9, 0.95, 1e-5, 0.1, "matrices", 1e6}, 0.5f); }
TEST_F(AdamWTest, EqualsTheFormulaWithoutClipping) { CompareWithReference({0.8, 0.99, 1e-8, 0.3, "matrices", 0}, 2.0f); }
TEST_F(AdamWTest, DecaysEverythingIfAsked) { CompareWithReference({0.9, 0.95, 1e-5, 0.5, "all", 1.0}, 1.0f); }

TEST_F(AdamWTest, AGradientThatIsNotFiniteChangesNothing) {
  AdamW optimizer(*network_, {});
  SetGradients(1, 1);
  optimizer.Step(1e-3);
  const AdamW::Snapshot before = optimizer.Take();
  SetGradients(2, 1);
  network_->gradients()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(optimizer.Step(1e-3)));
  const AdamW::Snapshot after = optimizer.Take();
  EXPECT_EQ(before.p, after.p);
  EXPECT_EQ(before.m, after.m);
  EXPECT_EQ(before.step, after.step);
}

TEST_F(AdamWTest, ARestoredSnapshotGoesOnWithTheSameBits) {
  AdamW optimizer(*network_, {});
  SetGradients(1, 1);
  optimizer.Step(1e-3);
  const AdamW::Snapshot middle = optimizer.Take();
  SetGradients(2, 1);
  optimizer.Step(1e-3);
  const AdamW::Snapshot end = optimizer.Take();

  AdamW other(*network_, {});
  other.Restore(middle);
  SetGradients(2, 1);
  other.Step(1e-3);
  const AdamW::Snapshot again = other.Take();
  EXPECT_EQ(again.p, end.p);
  EXPECT_EQ(again.m, end.m);
  EXPECT_EQ(again.v, end.v);
  EXPECT_EQ(again.step, 2);
}

}  // namespace
}  // namespace braid::trainer
