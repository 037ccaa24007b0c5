// Each function against the plain formula in ATen operators and double precision, values and
// gradients.
#include "trainer/kernels/functions.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/random.h"
#include "tests/trainer/device.h"
#include "trainer/kernels/exp.h"

namespace braid::trainer {
namespace {

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

at::Tensor Random(at::IntArrayRef shape, uint64_t seed, float size = 1.0f) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const RandomStream draws(seed, "values");
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<float>()[i] = size * draws.Normal(static_cast<uint64_t>(i));
  }
  return tensor;
}

double Distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b.to(at::kDouble)).norm() /
          b.to(at::kDouble).norm().clamp_min(1e-30))
      .item<double>();
}

// The value for the inputs, and the gradients of sum(value * a fixed random tensor).
// Computed on `device`, returned on the CPU.
std::vector<at::Tensor> Run(const Function& function, const std::vector<at::Tensor>& inputs,
                            at::ScalarType type, at::Device device = at::kCPU) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs)
    leaves.push_back(input.to(device, type).detach().clone().requires_grad_(true));
  std::vector<at::Tensor> all{function(leaves)};
  const at::Tensor weight = Random(all[0].sizes(), 99).to(device, type);
  torch::autograd::backward({(all[0] * weight).sum()}, {});
  for (const at::Tensor& leaf : leaves) all.push_back(leaf.grad());
  for (at::Tensor& tensor : all) tensor = tensor.detach().cpu();
  return all;
}

at::Tensor OnDevice(const at::Tensor& tensor) {
  return tensor.to(TorchTestDevice());
}

void Compare(const Function& function, const Function& reference,
             const std::vector<at::Tensor>& inputs) {
  const auto own = Run(function, inputs, at::kFloat, TorchTestDevice());
  const auto exact = Run(reference, inputs, at::kDouble);
  ASSERT_EQ(own.size(), exact.size());
  for (size_t i = 0; i < own.size(); ++i) {
    EXPECT_EQ(own[i].sizes(), exact[i].sizes());
    EXPECT_LT(Distance(own[i], exact[i]), 3e-6)
        << (i == 0 ? "value" : "gradient of input " + std::to_string(i - 1));
  }
}

TEST(ExpTest, IsExpWithinTwoUnitsInTheLastPlace) {
  for (float x = -87.0f; x < 88.0f; x += 0.0137f) {
    EXPECT_NEAR(static_cast<double>(Exp(x)) / std::exp(static_cast<double>(x)), 1.0, 2.4e-7) << x;
  }
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_LT(Exp(-std::numeric_limits<float>::infinity()), 1e-37f);
  EXPECT_TRUE(std::isnan(Exp(std::numeric_limits<float>::quiet_NaN())));
}

at::Tensor PlainNorm(const at::Tensor& x, const at::Tensor& gain) {
  return x / (x.square().mean(-1, true) + 1e-5).sqrt() * gain;
}

TEST(RmsNormTest, IsItsFormula) {
  for (const int64_t w : {8, 40, 129}) {
    Compare([](const auto& in) { return RmsNorm(in[0], in[1], 1e-5); },
            [](const auto& in) { return PlainNorm(in[0], in[1]); },
            {Random({300, w}, 1), Random({w}, 2)});
  }
}

TEST(RmsNormTest, EveryPathHasItsOwnGain) {
  const auto reference = [](const std::vector<at::Tensor>& in) {
    return PlainNorm(in[0].view({3, 150, 24}), in[1].view({3, 1, 24})).view({450, 24});
  };
  Compare([](const auto& in) { return RmsNorm(in[0], in[1], 1e-5); }, reference,
          {Random({450, 24}, 3), Random({3, 24}, 4)});
}

TEST(SwiGluTest, IsItsFormula) {
  const auto reference = [](const std::vector<at::Tensor>& in) {
    const std::vector<at::Tensor> halves = in[0].chunk(2, -1);
    return halves[0] * at::sigmoid(halves[0]) * halves[1];
  };
  Compare([](const auto& in) { return SwiGlu(in[0]); }, reference,
          {Random({131, 2 * 37}, 5, 4.0f)});
}

// Scores, mask and rotation written out.
at::Tensor PlainAttention(const at::Tensor& qkv, const at::Tensor& angle, int64_t batch,
                          int64_t sequence, int64_t heads) {
  const int64_t size = qkv.size(1) / 3 / heads;
  const at::Tensor parts = qkv.view({batch, sequence, 3, heads, size}).permute({2, 0, 3, 1, 4});
  const auto turn = [&](const at::Tensor& x) {
    const at::Tensor a = x.narrow(-1, 0, size / 2), b = x.narrow(-1, size / 2, size / 2);
    return at::cat({a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()}, -1);
  };
  const at::Tensor scores = at::matmul(turn(parts[0]), turn(parts[1]).transpose(-1, -2)) /
                            std::sqrt(static_cast<double>(size));
  const at::Tensor later = at::ones({sequence, sequence}, at::kBool).triu(1);
  const at::Tensor mixed = at::matmul(
      scores.masked_fill(later, -std::numeric_limits<double>::infinity()).softmax(-1), parts[2]);
  return mixed.transpose(1, 2).reshape({batch * sequence, heads * size});
}

TEST(RopeAttentionTest, IsItsFormula) {
  for (const auto& [batch, sequence, heads, size] :
       {std::tuple{2, 19, 3, 8}, {1, 70, 2, 32}, {3, 1, 1, 4}}) {
    at::Tensor angle = at::empty({sequence, size / 2}, at::kDouble);
    for (int64_t t = 0; t < sequence; ++t) {
      for (int64_t i = 0; i < size / 2; ++i) {
        angle.mutable_data_ptr<double>()[t * (size / 2) + i] =
            static_cast<double>(t) * std::pow(10000.0, -2.0 * static_cast<double>(i) / size);
      }
    }
    const int64_t b = batch, s = sequence, h = heads;
    Compare(
        [&](const auto& in) {
          return RopeAttention(in[0], OnDevice(angle.cos().to(at::kFloat)),
                               OnDevice(angle.sin().to(at::kFloat)), b, s, h);
        },
        [&](const auto& in) { return PlainAttention(in[0], angle, b, s, h); },
        {Random({batch * sequence, 3 * heads * size}, 6)});
  }
}

struct HeadCase {
  at::Tensor hidden, head, labels;

  // HeadLoss on the test's device, with its results on the CPU.
  double Loss(double scale, at::Tensor* dx, at::Tensor* dw, at::Tensor* losses = nullptr) const {
    at::Tensor of_hidden, of_head;
    if (dw != nullptr) of_head = OnDevice(*dw);
    const double loss = HeadLoss(OnDevice(hidden), OnDevice(head), OnDevice(labels), scale,
                                 dx == nullptr ? nullptr : &of_hidden,
                                 dw == nullptr ? nullptr : &of_head, losses);
    if (dx != nullptr) *dx = of_hidden.cpu();
    if (dw != nullptr) *dw = of_head.cpu();
    return loss;
  }
};

HeadCase MakeHeadCase(int64_t rows, int64_t vocab, int64_t w, float size) {
  HeadCase c{Random({rows, w}, 7, size), Random({vocab, w}, 8), at::empty({rows}, at::kLong)};
  const RandomStream draws(9, "labels");
  for (int64_t i = 0; i < rows; ++i) {
    const bool ignored = i % 5 == 3;
    c.labels.mutable_data_ptr<int64_t>()[i] = ignored ? -1
                                                      : static_cast<int64_t>(draws.Below(
                                                            static_cast<uint64_t>(i),
                                                            static_cast<uint64_t>(vocab)));
  }
  return c;
}

// Sum of losses times 0.3, gradients of hidden and head.
std::vector<at::Tensor> PlainHeadLoss(const HeadCase& c) {
  const at::Tensor hidden = c.hidden.to(at::kDouble).requires_grad_(true),
                   head = c.head.to(at::kDouble).requires_grad_(true);
  const at::Tensor loss = at::cross_entropy_loss(at::linear(hidden, head), c.labels, {},
                                                 /*reduction: sum*/ 2, -1);
  torch::autograd::backward({loss * 0.3}, {});
  return {loss.detach(), hidden.grad(), head.grad()};
}

TEST(HeadLossTest, IsCrossEntropyOfTheWholeLogits) {
  // One tile; several tiles and chunks with a rest; logits of hundreds.
  for (const auto& [rows, vocab, w, size] :
       {std::tuple{7, 50, 8, 1.0f}, {601, 2100, 24, 1.0f}, {300, 1025, 16, 60.0f}}) {
    const HeadCase c = MakeHeadCase(rows, vocab, w, size);
    const auto exact = PlainHeadLoss(c);
    at::Tensor dx, dw = Random({vocab, w}, 10);
    const at::Tensor before = dw.clone();
    const double loss = c.Loss(0.3, &dx, &dw);
    EXPECT_NEAR(loss / exact[0].item<double>(), 1, 1e-6);
    EXPECT_LT(Distance(dx, exact[1]), 1e-5);
    EXPECT_LT(Distance(dw - before, exact[2]), 1e-5) << "must be added to what was there";
    EXPECT_EQ(c.Loss(1.0, nullptr, nullptr), loss) << "without gradients";
  }
}

TEST(HeadLossTest, IgnoredRowsCountForNothing) {
  HeadCase c = MakeHeadCase(9, 40, 8, 1.0f);
  c.labels.fill_(-1);
  at::Tensor dx, dw = at::zeros({40, 8});
  EXPECT_EQ(c.Loss(1.0, &dx, &dw), 0.0);
  EXPECT_EQ(dx.abs().max().item<float>(), 0.0f);
  EXPECT_EQ(dw.abs().max().item<float>(), 0.0f);
}

TEST(HeadLossTest, NotANumberIsNotHidden) {
  const HeadCase c = MakeHeadCase(40, 1500, 8, 1.0f);
  c.hidden[4][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(c.Loss(1.0, nullptr, nullptr)));
}

TEST(HeadLossTest, RepeatsBitForBit) {
  const HeadCase c = MakeHeadCase(520, 3000, 32, 1.0f);
  const auto once = [&] {
    at::Tensor dx, dw = at::zeros({3000, 32});
    const double loss = c.Loss(1.0, &dx, &dw);
    return std::tuple{loss, dx, dw};
  };
  const auto [loss, dx, dw] = once();
  for (int i = 0; i < 3; ++i) {
    const auto [loss2, dx2, dw2] = once();
    EXPECT_EQ(loss, loss2);
    EXPECT_TRUE(at::equal(dx, dx2));
    EXPECT_TRUE(at::equal(dw, dw2));
  }
}

// On every device: one that was read would come from another row, or from nowhere.
TEST(HeadLossTest, ALabelBeyondTheVocabularyIsNoNumber) {
  HeadCase c = MakeHeadCase(5, 1030, 8, 1.0f);
  EXPECT_FALSE(std::isnan(c.Loss(1.0, nullptr, nullptr)));
  for (const int64_t label : {int64_t{1030}, int64_t{1} << 40}) {
    c.labels[2] = label;
    at::Tensor losses;
    EXPECT_TRUE(std::isnan(c.Loss(1.0, nullptr, nullptr, &losses)));
    EXPECT_EQ(losses.isnan().sum().item<int64_t>(), 1) << "of its row alone";
  }
}

// What a GPU takes for its loss of classes, and what a CPU takes.
TEST(ClassLossTest, IsTheMeanCrossEntropy) {
  const at::Tensor labels = at::tensor({2, 0, 1, 2, 2}, at::kLong);
  const auto exact = [&](const std::vector<at::Tensor>& in) {
    return at::cross_entropy_loss(in[0], labels);
  };
  Compare([&](const auto& in) { return ClassLoss(in[0], labels.to(in[0].device())); }, exact,
          {Random({5, 3}, 11, 3.0f)});
  Compare([&](const auto& in) { return ClassLossOfOperators(in[0], labels.to(in[0].device())); },
          exact, {Random({5, 3}, 11, 3.0f)});
  const at::Tensor far = at::tensor({-200.0f, 200.0f, 0.0f, 3.0f, 4.0f, 5.0f}).view({2, 3});
  EXPECT_EQ(ClassLossOfOperators(far, at::tensor({1, 1}, at::kLong)).item<float>(),
            at::cross_entropy_loss(far, at::tensor({1, 1}, at::kLong)).item<float>());
}

}  // namespace
}  // namespace braid::trainer
