// Routers: noise, straight-through gradients, auxiliary losses (docs/papers/papaformer.md#s3,
// #s3.1, #s7, #s11).
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"
#include "tests/word.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

constexpr int64_t kRoutingVocab = 53, kRoutingBatch = 4, kRoutingSequence = 16;

model::ModelSpec Routed(const std::string& noise) {
  model::ModelSpec spec;
  spec.kind = model::Kind::kComposite;
  spec.name = "m";
  spec.vocab = kRoutingVocab;
  spec.pad_id = kRoutingVocab - 1;
  spec.sequence = kRoutingSequence;
  spec.arch.router_noise = Word(noise);
  spec.paths = {{"a", 16, 2, 3, 32}, {"b", 16, 2, 3, 32}};
  spec.large = {"large", 32, 2, 2, 64};
  spec.connection.kind = Word("routed");
  return spec;
}

class RoutingTest : public ::testing::Test {
 protected:
  RoutingTest() {
    ConfigureRuntime(1);
    const RandomStream draws(8, "tokens");
    for (uint64_t i = 0; i < kRoutingBatch * kRoutingSequence; ++i) {
      ids_.push_back(static_cast<int32_t>(draws.Below(i, kRoutingVocab - 1)));
      labels_.push_back(static_cast<int32_t>(draws.Below(1000 + i, kRoutingVocab - 1)));
    }
  }
  static std::unique_ptr<Network> Make(const std::string& noise) {
    auto network = Network::Create(Routed(noise), "cpu").value();
    network->Initialize(5);
    return network;
  }
  LossSum Backward(Network& network, const BackwardOptions& options, int64_t begin = 0,
                   int64_t count = kRoutingBatch) const {
    return network.Backward(ids_.data() + begin * kRoutingSequence,
                            labels_.data() + begin * kRoutingSequence, count, kRoutingSequence,
                            options);
  }
  double Loss(Network& network) const {
    return network.Loss(ids_.data(), labels_.data(), kRoutingBatch, kRoutingSequence).loss;
  }
  static std::vector<float> Gradients(Network& network) {
    return {network.gradients(), network.gradients() + network.layout().size};
  }
  std::vector<int32_t> ids_, labels_;
};

// docs/papers/papaformer.md#s11, check 6.
TEST_F(RoutingTest, NoiseInEvaluationIsAsTheModelSays) {
  auto fixed = Make("train_only"), paper = Make("always");
  EXPECT_EQ(Loss(*fixed), Loss(*fixed));
  const double first = Loss(*paper), second = Loss(*paper);
  EXPECT_NE(first, second);
  paper->SetEvaluationSeed(7);
  const double seven = Loss(*paper);
  paper->SetEvaluationSeed(8);
  EXPECT_NE(Loss(*paper), seven);
  paper->SetEvaluationSeed(7);
  EXPECT_EQ(Loss(*paper), seven);
}

// From the second layer on, the stream of a noisy pass already carries noise: choices without noise
// need a pass of their own.
TEST_F(RoutingTest, ChoicesWithoutNoiseAreThoseOfAPassWithoutNoise) {
  auto fixed = Make("train_only"), paper = Make("always");
  for (Network* network : {fixed.get(), paper.get()}) {
    for (const Layout::Slot& slot : network->layout().slots) {
      if (slot.tensor.name.find("router") == std::string::npos)
        continue;  // so that logits are no ties
      const RandomStream draws(3, slot.tensor.name);
      for (int64_t i = 0; i < slot.tensor.elements(); ++i)
        network->parameters()[slot.offset + i] = draws.Normal(static_cast<uint64_t>(i));
    }
  }
  const auto quiet = fixed->Routing(ids_.data(), kRoutingBatch, kRoutingSequence);
  paper->SetEvaluationSeed(7);
  const auto noisy = paper->Routing(ids_.data(), kRoutingBatch, kRoutingSequence);
  ASSERT_EQ(noisy.size(), 3u);
  for (size_t l = 0; l < noisy.size(); ++l) {
    EXPECT_EQ(quiet[l].clean_choices, quiet[l].choices) << l;
    EXPECT_EQ(noisy[l].clean_choices, quiet[l].choices) << l;
    EXPECT_NE(noisy[l].choices, noisy[l].clean_choices) << l;
  }
  // The second pass takes nothing from the noise of what follows.
  const double after = Loss(*paper);
  paper->SetEvaluationSeed(7);
  (void)Loss(*paper);
  EXPECT_EQ(Loss(*paper), after);
}

TEST_F(RoutingTest, NoiseIsThatOfTheDrawWhateverTheNumberOfRanks) {
  auto whole = Make("train_only"), parts = Make("train_only"), other = Make("train_only");
  const LossSum all = Backward(*whole, {.aux_scale = 0, .draw = 3});
  double sum = 0;
  for (int64_t rank = 0; rank < 2; ++rank) {
    sum += Backward(*parts, {.aux_scale = 0, .draw = 3, .first_row = 2 * rank}, 2 * rank, 2).loss;
  }
  EXPECT_NEAR(sum / all.loss, 1, 1e-6);
  const std::vector<float> a = Gradients(*whole), b = Gradients(*parts);
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4 * (1 + std::abs(a[i])));
  EXPECT_NE(Backward(*other, {.aux_scale = 0, .draw = 4}).loss, all.loss);
}

// With its noise held, a soft Gumbel router has a slope everywhere (docs/papers/papaformer.md#s11,
// check 7): along the gradient of one tensor the loss grows as its norm says.
TEST_F(RoutingTest, GradientsOfASoftGumbelRouterAreThoseOfTheLoss) {
  model::ModelSpec spec = Routed("train_only");
  spec.connection.router = {.tau = 0.7, .hard = false};
  auto network = Network::Create(spec, "cpu").value();
  network->Initialize(5);
  for (const Layout::Slot& slot : network->layout().slots) {
    if (slot.tensor.init != model::Init::kNormal) continue;
    for (int64_t i = 0; i < slot.tensor.elements(); ++i)
      network->parameters()[slot.offset + i] *= 6;
  }
  const BackwardOptions noise{.aux_scale = 0, .draw = 3};
  Backward(*network, noise);
  const std::vector<float> gradients = Gradients(*network);
  size_t routers = 0;
  for (const Layout::Slot& slot : network->layout().slots) {
    const float* gradient = gradients.data() + slot.offset;
    double squares = 0;
    for (int64_t i = 0; i < slot.tensor.elements(); ++i) squares += std::pow(gradient[i], 2);
    const double norm = std::sqrt(squares);
    ASSERT_GT(norm, 0) << slot.tensor.name;
    const auto moved = [&](double by) {
      for (int64_t i = 0; i < slot.tensor.elements(); ++i) {
        network->parameters()[slot.offset + i] += static_cast<float>(by * gradient[i] / norm);
      }
      return Backward(*network, noise).loss;
    };
    const double length = 0.01;
    const double above = moved(length), below = moved(-2 * length);
    moved(length);
    EXPECT_NEAR((above - below) / (2 * length), norm, 0.01 * norm + 0.02) << slot.tensor.name;
    routers += slot.tensor.name.find("router") != std::string::npos && norm > 0.2;
  }
  EXPECT_GE(routers, 3u) << "too few gradients of routers stand out";
}

// docs/papers/papaformer.md#s7, T4, and section 11, check 2: a router of zeros is uniform.
TEST_F(RoutingTest, AuxiliaryLossesAtAUniformRouter) {
  auto network = Make("train_only");
  for (const Layout::Slot& slot : network->layout().slots) {
    if (slot.tensor.name.ends_with("router.weight")) {
      std::fill_n(network->parameters() + slot.offset, slot.tensor.elements(), 0.0f);
    }
  }
  const auto auxiliary = [&](const Auxiliary& settings, uint64_t draw) {
    network->SetAuxiliary(settings);
    return Backward(*network, {.draw = draw}).auxiliary;
  };
  EXPECT_NEAR(auxiliary({}, 0), -0.0659, 1e-4);  // -2 ln 3 * 0.01 * 3 layers
  EXPECT_NEAR(auxiliary({.load = Word("plus_entropy")}, 0), 0.0, 1e-6);
  double sample = 0;
  for (uint64_t draw = 0; draw < 20; ++draw)
    sample += auxiliary({.load = Word("plus_entropy"), .probs = Word("sample")}, draw) / 20;
  EXPECT_NEAR(sample, 0.033, 0.005);
  EXPECT_DOUBLE_EQ(auxiliary({.lambda_entropy = 0, .lambda_load = 0}, 0), 0.0);
}

// Section 11, check 7: the forward value is one candidate, the backward goes through the soft
// weights.
TEST_F(RoutingTest, AChoiceIsOneCandidateAndTheRouterStillLearns) {
  auto network = Make("train_only");
  // A bias that decides: the loss moves with no other path.
  float* bias = nullptr;
  for (int64_t l = 0; l < 3; ++l) {
    bias = network->parameters() +
           network->layout().at("parallel." + std::to_string(l) + ".router.bias").offset;
    bias[1] = 50;
  }
  const double before = Loss(*network);
  for (const LayerRouting& layer : network->Routing(ids_.data(), kRoutingBatch, kRoutingSequence)) {
    EXPECT_THAT(layer.choices, testing::Each(1));
    EXPECT_THAT(layer.clean_choices, testing::Each(1));
  }
  // Path 1 of the last layer is what is heard, path 0 and the combination are not.
  network->parameters()[network->layout().at("parallel.2.path.0.ffn.down.weight").offset + 3] += 1;
  network->parameters()[network->layout().at("parallel.2.combine.bias").offset] += 1;
  EXPECT_EQ(Loss(*network), before);
  network->parameters()[network->layout().at("parallel.2.path.1.ffn.down.weight").offset + 3] += 1;
  EXPECT_NE(Loss(*network), before);
  auto fresh = Make("train_only");
  Backward(*fresh, {.aux_scale = 0});
  for (const Layout::Slot& slot : fresh->layout().slots) {
    double squares = 0;
    for (int64_t i = 0; i < slot.tensor.elements(); ++i)
      squares += std::pow(fresh->gradients()[slot.offset + i], 2);
    EXPECT_GT(squares, 0) << slot.tensor.name << " learns nothing";
  }
}

// With the noise of one draw held fast, soft weights are smooth: central differences along the
// gradient of each tensor, the auxiliary losses (8) and (9) included.
TEST_F(RoutingTest, GradientsThroughSoftGumbelWeightsAreDifferences) {
  for (const char* input : {"combined", "concat", "x"}) {
    model::ModelSpec spec = Routed("train_only");
    spec.connection.router = {.input = Word(input), .hard = false};
    auto network = Network::Create(spec, "cpu").value();
    network->Initialize(5);
    // Choices that lean to a side, and losses that weigh: near a uniform router the auxiliary
    // losses have no slope.
    network->SetAuxiliary({.lambda_entropy = 100, .lambda_load = 150});
    for (const Layout::Slot& slot : network->layout().slots) {
      if (!slot.tensor.name.ends_with("router.weight")) continue;
      for (int64_t i = 0; i < slot.tensor.elements(); ++i)
        network->parameters()[slot.offset + i] *= 30;
    }
    const BackwardOptions options = {.draw = 3};
    const auto objective = [&] {
      const LossSum sum = Backward(*network, options);
      return sum.loss + sum.auxiliary;
    };
    (void)objective();
    const std::vector<float> gradients = Gradients(*network);
    for (const Layout::Slot& slot : network->layout().slots) {
      if (!slot.tensor.name.starts_with("parallel.")) continue;
      const int64_t count = slot.tensor.elements();
      float* values = network->parameters() + slot.offset;
      const float* slope = gradients.data() + slot.offset;
      const std::vector<float> before(values, values + count);
      double norm = 0;
      for (int64_t i = 0; i < count; ++i) norm += static_cast<double>(slope[i]) * slope[i];
      norm = std::sqrt(norm);
      ASSERT_GT(norm, 0) << slot.tensor.name;
      const double step = std::min(0.01, 0.025 / norm);  // the loss changes by 0.05: far above its
                                                         // rounding, far below its bends
      double ends[2];
      for (const size_t side : {0, 1}) {
        for (int64_t i = 0; i < count; ++i)
          values[i] = before[i] + static_cast<float>((side == 0 ? step : -step) * slope[i] / norm);
        ends[side] = objective();
      }
      std::copy(before.begin(), before.end(), values);
      EXPECT_NEAR((ends[0] - ends[1]) / (2 * step), norm, 0.01 * norm + 0.01)
          << input << ": " << slot.tensor.name;
    }
  }
}

TEST_F(RoutingTest, DropoutActsInTrainingAlone) {
  auto network = Make("train_only");
  const double evaluated = Loss(*network);
  const double without = Backward(*network, {.aux_scale = 0}).loss;
  network->SetAuxiliary({.dropout = 0.5});
  EXPECT_NE(Backward(*network, {.aux_scale = 0}).loss, without);
  EXPECT_EQ(Loss(*network), evaluated);
}

TEST_F(RoutingTest, EachRouterKindWeighsAsItSays) {
  for (const char* input : {"combined", "concat", "x"}) {
    for (const char* kind : {"gumbel", "softmax", "top1", "none"}) {
      model::ModelSpec spec = Routed("train_only");
      spec.connection.router = {Word(kind), Word(input), 1.0, std::string(kind) != "softmax"};
      auto network = Network::Create(spec, "cpu").value();
      network->Initialize(5);
      EXPECT_NEAR(Loss(*network) / (kRoutingBatch * kRoutingSequence), std::log(kRoutingVocab),
                  0.15)
          << kind << " " << input;
      Backward(*network, {});
      EXPECT_EQ(network->Routing(ids_.data(), kRoutingBatch, kRoutingSequence).size(),
                std::string(kind) == "none" ? 0u : 3u);
    }
  }
}

// Connections that begin as identities hand the stream on as it is: with blocks that add nothing, a
// composite is the head on the sum of the slices, in the place of each. With the published N(0,
// 0.02) next to nothing of the stream would be left.
TEST_F(RoutingTest, ConnectionsThatBeginAsIdentitiesHandTheStreamOn) {
  const auto each = [](Network& network, const auto& change) {
    for (const Layout::Slot& slot : network.layout().slots)
      change(slot.tensor.name, network.parameters() + slot.offset, slot.tensor.elements());
  };
  const auto silence = [](const std::string& name, float* values, int64_t count) {
    if (name.ends_with("attn.o.weight") || name.ends_with("ffn.down.weight"))
      std::fill(values, values + count, 0.0f);
  };
  for (const char* kind : {"share", "routed"}) {
    model::ModelSpec spec = Routed("train_only");
    spec.connection = {.kind = Word(kind), .init = Word("identity")};
    spec.large.identity = true;
    auto composite = Network::Create(spec, "cpu").value();
    composite->Initialize(5);
    each(*composite, silence);

    model::ModelSpec plain = Routed("train_only");
    const int64_t width = plain.large.d, half = width / 2;
    plain.kind = model::Kind::kDense;
    plain.dense = {"", width, 2, 1, 2 * width};
    plain.paths.clear();
    auto dense = Network::Create(plain, "cpu").value();
    dense->Initialize(6);
    each(*dense, silence);
    std::map<std::string, const float*> theirs;
    each(*composite,
         [&](const std::string& name, const float* values, int64_t) { theirs[name] = values; });
    each(*dense, [&](const std::string& name, float* values, int64_t count) {
      if (name == "head.weight") std::copy_n(theirs.at(name), count, values);
      if (name != "embed.weight") return;
      for (int64_t i = 0; i < count; ++i) {
        const float* row = theirs.at(name) + i / width * width;
        values[i] = row[i % half] + row[i % half + half];
      }
    });
    EXPECT_NEAR(Loss(*composite), Loss(*dense), 1e-5 * Loss(*dense)) << kind;
    EXPECT_GT(std::abs(Loss(*dense) - kRoutingBatch * kRoutingSequence * std::log(kRoutingVocab)),
              1e-3)
        << "the stream must matter";
  }
}

TEST_F(RoutingTest, AShareIsReadByItsCosines) {
  model::ModelSpec spec = Routed("train_only");
  spec.connection = {};
  auto network = Network::Create(spec, "cpu").value();
  network->Initialize(5);
  // The share of layer 0 takes path 1's output as it is.
  float* share = network->parameters() + network->layout().at("parallel.0.share.weight").offset;
  for (int64_t i = 0; i < 16; ++i) {
    for (int64_t j = 0; j < 32; ++j) share[i * 32 + j] = j == i + 16 ? 1.0f : 0.0f;
  }
  const auto routing = network->Routing(ids_.data(), kRoutingBatch, kRoutingSequence);
  ASSERT_EQ(routing.size(), 3u);
  EXPECT_THAT(routing[0].choices, testing::Each(1));
  EXPECT_TRUE(routing[2].choices.empty());  // its output is wider than a path's
}

}  // namespace
}  // namespace braid::trainer
