#include "trainer/network/lora.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

model::ModelSpec Blank(const std::string& name) {
  model::ModelSpec spec;
  spec.name = name;
  spec.vocab = 40;
  spec.pad_id = 39;
  spec.sequence = 8;
  spec.tokenizer = std::string(64, 'a');
  return spec;
}

model::ModelSpec DenseForLora() {
  model::ModelSpec spec = Blank("dense");
  spec.dense = {"dense", 8, 2, 2, 32};
  return spec;
}

// Queries of which two share a head of keys and values: v has other rows than q.
model::ModelSpec SharedKeys() {
  model::ModelSpec spec = Blank("shared");
  spec.dense = {"shared", 8, 4, 2, 32};
  spec.dense.kv_heads = 2;
  return spec;
}

model::ModelSpec CompositeForLora(const std::string& connect) {
  model::ModelSpec spec = Blank(connect);
  spec.kind = model::Kind::kComposite;
  spec.connection.kind = Word(connect);
  spec.paths = {{"path_1", 8, 2, 2, 32}, {"path_2", 8, 2, 2, 32}};
  spec.large = {"large", 16, 2, 2, 64};
  return spec;
}

model::ModelSpec DualPath() {
  model::ModelSpec spec = Blank("dual");
  spec.dense = {"dual", 8, 2, 2, 32, Word("dual_path")};
  spec.dense.ffn = 0;
  spec.dense.dual.loops = 2;
  spec.dense.dual.ffn_deep = 12;
  spec.dense.dual.ffn_wide = 20;
  return spec;
}

// Three rows of five, seven and two real tokens.
struct Rows {
  std::vector<int32_t> ids, lengths = {5, 7, 2};
  std::vector<float> labels = {1, 0, 2};
  LoraRows rows() const { return {ids.data(), lengths.data(), 3, 7}; }
  Rows() {
    for (int i = 0; i < 21; ++i) ids.push_back((i * 11 + 3) % 38);
    for (int row = 0; row < 3; ++row) {
      for (int t = lengths[static_cast<size_t>(row)]; t < 7; ++t)
        ids[static_cast<size_t>(row * 7 + t)] = 39;
    }
  }
};

// Everything trained is away from zero, B too.
void Stir(Lora& lora, uint64_t seed) {
  std::vector<float> values = lora.Parameters();
  const RandomStream stream(seed, "stir");
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.2f * stream.Normal(i);
  lora.SetParameters(values);
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::fabs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

class LoraTest : public ::testing::TestWithParam<std::string> {
 protected:
  LoraTest() {
    ConfigureRuntime(1);
    network_ = Make();
    config_.outputs = 3;
    config_.rank = 3;
    config_.alpha = 6;
  }
  static std::unique_ptr<Network> Make() {
    const std::string& kind = GetParam();
    auto network = Network::Create(kind == "dense"    ? DenseForLora()
                                   : kind == "shared" ? SharedKeys()
                                   : kind == "dual"   ? DualPath()
                                                      : CompositeForLora(kind),
                                   "cpu")
                       .value();
    network->Initialize(5);
    // As initialised, attention is too even to depend on q, and dual-path blocks add next to
    // nothing.
    for (const Layout::Slot& slot : network->layout().slots) {
      const bool scale = slot.tensor.role == model::Role::kScale ||
                         slot.tensor.role == model::Role::kDecayedScale;
      const bool matrix = slot.tensor.role == model::Role::kMatrix ||
                          slot.tensor.role == model::Role::kEmbedding;
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i) {
        network->parameters()[i] = scale ? 0.f : network->parameters()[i] * (matrix ? 12.f : 1.f);
      }
    }
    return network;
  }
  std::vector<float> Logits() { return network_->Logits({1, 2, 3, 4, 5, 6}, false); }

  std::unique_ptr<Network> network_;
  LoraConfig config_;
  Rows rows_;
};

TEST_P(LoraTest, WithoutBNothingChanges) {
  const std::vector<float> before = Logits();
  const auto lora = Lora::Attach(*network_, config_).value();
  lora->Initialize(7);
  // Paths that were one batched product now run one by one: equal but for rounding.
  EXPECT_LT(LargestDifference(Logits(), before), 1e-5);
}

TEST_P(LoraTest, AdaptersActAndLeaveWithTheObject) {
  const std::vector<float> before = Logits();
  {
    const auto lora = Lora::Attach(*network_, config_).value();
    Stir(*lora, 1);
    EXPECT_GT(LargestDifference(Logits(), before), 1e-3);
    EXPECT_THAT(Lora::Attach(*network_, config_).status().message(),
                HasSubstr("has adapters already"));
  }
  EXPECT_EQ(Logits(), before);
}

TEST_P(LoraTest, AdaptersActWhereKeysAreKept) {
  const auto lora = Lora::Attach(*network_, config_).value();
  Stir(*lora, 1);
  const auto decoder = network_->NewDecoder(6);
  (void)decoder->Read({1, 2, 3});
  (void)decoder->Read({4});
  EXPECT_LT(LargestDifference(decoder->Read({5, 6}),
                              network_->Logits({1, 2, 3, 4, 5, 6}, /*last_only=*/true)),
            1e-5);
}

TEST_P(LoraTest, MergedWeightsGiveTheAdaptersLogits) {
  std::vector<float> with, outputs;
  {
    const auto lora = Lora::Attach(*network_, config_).value();
    Stir(*lora, 2);
    with = Logits();
    outputs = lora->Logits(rows_.rows());
    lora->Merge();
    EXPECT_LT(LargestDifference(lora->Logits(rows_.rows()), outputs), 1e-5);
  }
  EXPECT_LT(LargestDifference(Logits(), with), 1e-5);
}

TEST_P(LoraTest, GradientsAreThoseOfFiniteDifferences) {
  config_.dropout = 0;
  const auto lora = Lora::Attach(*network_, config_).value();
  Stir(*lora, 3);
  const auto loss = [&] { return lora->Backward(rows_.rows(), rows_.labels.data(), false, 1, 0); };
  (void)loss();
  const std::vector<float> gradients = lora->Gradients(), values = lora->Parameters();
  for (const LoraLayout::Slot& slot : lora->layout().slots) {
    // Along the gradient of each tensor: one number that all of its elements have a part in.
    double square = 0;
    for (int64_t i = slot.offset; i < slot.offset + slot.elements(); ++i)
      square += gradients[static_cast<size_t>(i)] * gradients[static_cast<size_t>(i)];
    const double norm = std::sqrt(square);
    ASSERT_GT(norm, 1e-5) << slot.name;
    const double step = 4e-3;
    double sides[2];
    for (const int side : {0, 1}) {
      std::vector<float> moved = values;
      for (int64_t i = slot.offset; i < slot.offset + slot.elements(); ++i) {
        moved[static_cast<size_t>(i)] += static_cast<float>(
            (side == 0 ? -step : step) * gradients[static_cast<size_t>(i)] / norm);
      }
      lora->SetParameters(moved);
      sides[side] = loss();
    }
    EXPECT_NEAR((sides[1] - sides[0]) / (2 * step), norm, 2e-2 * norm + 2e-4) << slot.name;
    lora->SetParameters(values);
  }
}

TEST_P(LoraTest, TheNetworksOwnGradientsStayZero) {
  network_->ZeroGradients();
  const auto lora = Lora::Attach(*network_, config_).value();
  Stir(*lora, 3);
  (void)lora->Backward(rows_.rows(), rows_.labels.data(), false, 1, 0);
  for (int64_t i = 0; i < network_->layout().size; ++i)
    ASSERT_EQ(network_->gradients()[i], 0.f) << i;
}

TEST_P(LoraTest, PadsChangeNothing) {
  const auto lora = Lora::Attach(*network_, config_).value();
  Stir(*lora, 4);
  const std::vector<float> together = lora->Logits(rows_.rows());
  const std::vector<int32_t> alone(rows_.ids.begin() + 14, rows_.ids.begin() + 16);
  const int32_t length = 2;
  const std::vector<float> short_row = lora->Logits({alone.data(), &length, 1, 2});
  EXPECT_LT(LargestDifference({together.begin() + 6, together.end()}, short_row), 1e-5);
}

TEST_P(LoraTest, LearnsWhatItIsShown) {
  const auto lora = Lora::Attach(*network_, config_).value();
  lora->Initialize(1);
  const std::vector<float> before(network_->parameters(),
                                  network_->parameters() + network_->layout().size);
  const double first = lora->Backward(rows_.rows(), rows_.labels.data(), false, 1, 0);
  double last = first;
  for (uint64_t step = 0; step < 40; ++step) {
    last = lora->Backward(rows_.rows(), rows_.labels.data(), false, 1, step);
    EXPECT_TRUE(std::isfinite(lora->Update({}, 2e-2)));
  }
  EXPECT_LT(last, 0.3 * first);
  EXPECT_EQ(before, std::vector<float>(network_->parameters(),
                                       network_->parameters() + network_->layout().size));
}

INSTANTIATE_TEST_SUITE_P(Kinds, LoraTest,
                         ::testing::Values("dense", "shared", "share", "slice", "dual"),
                         [](const auto& of) { return of.param; });

class DenseLoraTest : public ::testing::Test {
 protected:
  DenseLoraTest() {
    ConfigureRuntime(1);
    network_ = Network::Create(DenseForLora(), "cpu").value();
    network_->Initialize(5);
    config_.outputs = 3;
    lora_ = Lora::Attach(*network_, config_).value();
    lora_->Initialize(9);
  }
  std::string LoadError(const LoraConfig& config) {
    lora_.reset();
    lora_ = Lora::Attach(*network_, config).value();
    return lora_->Load(folder_.path()).message();
  }
  std::unique_ptr<Network> network_;
  LoraConfig config_;
  std::unique_ptr<Lora> lora_;
  Rows rows_;
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(DenseLoraTest, DropoutIsAFunctionOfTheDraw) {
  Stir(*lora_, 6);
  const auto loss = [&](uint64_t seed, uint64_t draw) {
    return lora_->Backward(rows_.rows(), rows_.labels.data(), false, seed, draw);
  };
  EXPECT_EQ(loss(1, 0), loss(1, 0));
  EXPECT_NE(loss(1, 0), loss(1, 1));
  EXPECT_NE(loss(1, 0), loss(2, 0));
  EXPECT_EQ(lora_->Logits(rows_.rows()), lora_->Logits(rows_.rows()));
}

TEST_F(DenseLoraTest, SquaredErrorOfANumber) {
  config_.outputs = 1;
  config_.dropout = 0;
  lora_.reset();
  lora_ = Lora::Attach(*network_, config_).value();
  Stir(*lora_, 8);
  const std::vector<float> said = lora_->Logits(rows_.rows());
  double sum = 0;
  for (size_t i = 0; i < 3; ++i) sum += (said[i] - rows_.labels[i]) * (said[i] - rows_.labels[i]);
  EXPECT_NEAR(lora_->Backward(rows_.rows(), rows_.labels.data(), true, 1, 0), sum / 3, 1e-5);
}

// The rule of torch.optim.AdamW, element by element in double precision.
TEST_F(DenseLoraTest, UpdatesAsAdamWDoes) {
  Stir(*lora_, 6);
  std::vector<float> values = lora_->Parameters();
  std::vector<double> p(values.begin(), values.end()), m(p.size(), 0), v(p.size(), 0);
  for (int step = 1; step <= 3; ++step) {
    (void)lora_->Backward(rows_.rows(), rows_.labels.data(), false, 1, static_cast<uint64_t>(step));
    const std::vector<float> g = lora_->Gradients();
    double norm = 0;
    for (const float value : g) norm += static_cast<double>(value) * value;
    norm = std::sqrt(norm);
    EXPECT_NEAR(lora_->Update({}, 1e-2), norm, 1e-12 * norm);
    for (size_t i = 0; i < p.size(); ++i) {
      const double clipped = g[i] / std::max(1.0, norm);
      m[i] = 0.9 * m[i] + 0.1 * clipped;
      v[i] = 0.999 * v[i] + 0.001 * clipped * clipped;
      p[i] -= 1e-2 * 0.1 * p[i];
      p[i] -= 1e-2 * (m[i] / (1 - std::pow(0.9, step))) /
              (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
    }
    const std::vector<float> now = lora_->Parameters();
    for (size_t i = 0; i < p.size(); ++i) {
      if (std::fabs(m[i]) < 1e-7) continue;  // the quotient of two numbers that are all rounding
      ASSERT_NEAR(now[i], p[i], 2e-5) << i << " after step " << step;
    }
  }
}

TEST_F(DenseLoraTest, StartsAsSpecified) {
  const std::vector<float> values = lora_->Parameters();
  double largest = 0, square = 0;
  for (const LoraLayout::Slot& slot : lora_->layout().slots) {
    for (int64_t i = slot.offset; i < slot.offset + slot.elements(); ++i) {
      const double value = values[static_cast<size_t>(i)];
      if (slot.name.ends_with("lora_b.weight")) {
        ASSERT_EQ(value, 0);
      }
      if (slot.name.ends_with("lora_a.weight")) largest = std::max(largest, std::fabs(value));
      if (slot.name == "classifier.weight") square += value * value;
    }
  }
  const double bound = 1 / std::sqrt(8.0);
  EXPECT_LT(largest, bound);
  EXPECT_GT(largest, 0.95 * bound);
  EXPECT_NEAR(std::sqrt(square / 24), 0.02, 0.01);
}

TEST_F(DenseLoraTest, SavedAdaptersComeBack) {
  Stir(*lora_, 6);
  const std::vector<float> saved = lora_->Parameters(), logits = lora_->Logits(rows_.rows());
  ASSERT_TRUE(lora_->Save(folder_.path()).ok());
  EXPECT_EQ(ReadLoraConfig(folder_.path()).value().outputs, 3);
  EXPECT_EQ(LoadError(config_), "");
  EXPECT_EQ(lora_->Parameters(), saved);
  EXPECT_EQ(lora_->Logits(rows_.rows()), logits);
}

TEST_F(DenseLoraTest, SaysWhyAdaptersDoNotFit) {
  ASSERT_TRUE(lora_->Save(folder_.path()).ok());
  LoraConfig other = config_;
  other.rank = 4;
  EXPECT_THAT(LoadError(other), HasSubstr("lora.json: rank is 8, expected 4"));
  other = config_;
  other.outputs = 2;
  EXPECT_THAT(LoadError(other), HasSubstr("lora.json: outputs is 3, expected 2"));
  other = config_;
  other.alpha = 8;
  EXPECT_THAT(LoadError(other), HasSubstr("alpha is 16.0, expected 8.0"));
  Json json = ReadJsonFile(folder_.path() + "/lora.json").value();
  json["model"]["name"] = "another";
  ASSERT_TRUE(WriteJsonFile(folder_.path() + "/lora.json", json).ok());
  EXPECT_THAT(LoadError(config_), AllOf(HasSubstr("lora.json: model is"), HasSubstr("another")));
  json["model"]["name"] = "dense";
  json["format"] = 2;
  ASSERT_TRUE(WriteJsonFile(folder_.path() + "/lora.json", json).ok());
  EXPECT_THAT(LoadError(config_), HasSubstr("reads format 1"));
}

TEST(LoraLayoutTest, ParameterCountsOfTheSpecification) {
  model::ModelSpec dense = Blank("llama_256");
  dense.dense = {"llama_256", 256, 8, 8, 1024};
  LoraConfig config;
  EXPECT_EQ(MakeLoraLayout(dense, config).adapters, 65536);
  EXPECT_EQ(MakeLoraLayout(dense, config).size, 65536 + 2 * 256);
  dense.dense = {"path", 128, 4, 3, 512};
  EXPECT_EQ(MakeLoraLayout(dense, config).adapters, 12288);
  for (const char* connect : {"share", "routed"}) {
    model::ModelSpec composite = Blank("composite");
    composite.kind = model::Kind::kComposite;
    composite.connection.kind = Word(connect);
    composite.paths = {{"path_1", 128, 4, 3, 512}, {"path_2", 128, 4, 3, 512}};
    composite.large = {"large", 256, 8, 2, 1024};
    EXPECT_EQ(MakeLoraLayout(composite, config).adapters, 40960) << connect;
  }
}

TEST(LoraLayoutTest, DualBlocksHaveAdaptersInBothPaths) {
  const LoraLayout layout = MakeLoraLayout(DualPath(), {});
  EXPECT_EQ(layout.adapters, 2 * 2 * 2 * 2 * 8 * 8);  // blocks, paths, q and v, A and B, rank,
                                                      // width
  EXPECT_EQ(layout.at("blocks.1.deep.attn.q.lora_a.weight").shape, (std::vector<int64_t>{8, 8}));
  EXPECT_EQ(layout.at("blocks.0.wide.attn.v.lora_b.weight").elements(), 64);
}

}  // namespace
}  // namespace braid::trainer
