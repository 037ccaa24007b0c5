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
#include "tests/trainer/kernels/formulas.h"
#include "tests/trainer/kernels/tested_kernels.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

void Compare(const Function& function, const Function& reference,
             const std::vector<at::Tensor>& inputs) {
  const auto own = WithGradients(function, inputs, at::kFloat, TorchTestDevice());
  const auto exact = WithGradients(reference, inputs, at::kDouble);
  ASSERT_EQ(own.size(), exact.size());
  for (size_t i = 0; i < own.size(); ++i) {
    EXPECT_EQ(own[i].sizes(), exact[i].sizes());
    EXPECT_LT(Distance(own[i], exact[i]), 3e-6)
        << (i == 0 ? "value" : "gradient of input " + std::to_string(i - 1));
  }
}

class ExpTest : public CpuKernelTest {};
class LinearTest : public CpuKernelTest {};
class EmbeddingTest : public CpuKernelTest {};
class AttentionHalfTest : public CpuKernelTest {};
class FeedForwardHalfTest : public CpuKernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, LinearTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, EmbeddingTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, AttentionHalfTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, FeedForwardHalfTest, ::testing::ValuesIn(TestedSimdKernels()),
                         NameOf);
class RmsNormTest : public KernelTest {};
class SwiGluTest : public KernelTest {};
class RopeAttentionTest : public KernelTest {};
class HeadLossTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, ExpTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, RmsNormTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, SwiGluTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, RopeAttentionTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);
INSTANTIATE_TEST_SUITE_P(Isa, HeadLossTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);

float Exp(float x) {
  Simd().exp(&x, 1, &x);
  return x;
}

TEST_P(ExpTest, IsExpWithinTwoUnitsInTheLastPlace) {
  std::vector<float> xs;
  for (float x = -87.0f; x < 88.0f; x += 0.0137f) xs.push_back(x);
  std::vector<float> ys(xs.size());
  Simd().exp(xs.data(), std::ssize(xs), ys.data());
  for (size_t i = 0; i < xs.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(ys[i]) / std::exp(static_cast<double>(xs[i])), 1.0, 2.4e-7)
        << xs[i];
  }
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_LT(Exp(-std::numeric_limits<float>::infinity()), 1e-37f);
  EXPECT_TRUE(std::isnan(Exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST_P(RmsNormTest, IsItsFormula) {
  for (const int64_t w : {8, 40, 129}) {
    Compare([](const auto& in) { return RmsNorm(in[0], in[1], 1e-5); },
            [](const auto& in) { return PlainNorm(in[0], in[1]); },
            {Random({300, w}, 1), Random({w}, 2)});
  }
}

TEST_P(RmsNormTest, EveryPathHasItsOwnGain) {
  const auto reference = [](const std::vector<at::Tensor>& in) {
    return PlainNorm(in[0].view({3, 150, 24}), in[1].view({3, 1, 24})).view({450, 24});
  };
  Compare([](const auto& in) { return RmsNorm(in[0], in[1], 1e-5); }, reference,
          {Random({450, 24}, 3), Random({3, 24}, 4)});
}

TEST_P(SwiGluTest, IsItsFormula) {
  const auto reference = [](const std::vector<at::Tensor>& in) {
    const std::vector<at::Tensor> halves = in[0].chunk(2, -1);
    return halves[0] * at::sigmoid(halves[0]) * halves[1];
  };
  Compare([](const auto& in) { return SwiGlu(in[0]); }, reference,
          {Random({131, 2 * 37}, 5, 4.0f)});
}

TEST_P(RopeAttentionTest, IsItsFormula) {
  // Less than a vector, several blocks of queries, and scores that make these blocks smaller.
  for (const auto& [batch, sequence, queries, keys, size] : {std::tuple{2, 19, 3, 3, 8},
                                                             {1, 131, 2, 2, 32},
                                                             {3, 1, 1, 1, 4},
                                                             {1, 700, 1, 1, 6},
                                                             {2, 19, 6, 2, 8},
                                                             {1, 131, 4, 1, 32},
                                                             {3, 1, 4, 2, 4}}) {
    const at::Tensor angle = Angles(sequence, size);
    const int64_t b = batch, s = sequence;
    const HeadCounts h{queries, keys};
    Compare(
        [&](const auto& in) {
          return RopeAttention(in[0], OnDevice(angle.cos().to(at::kFloat)),
                               OnDevice(angle.sin().to(at::kFloat)), b, s, h);
        },
        [&](const auto& in) { return PlainAttention(in[0], angle, b, s, h); },
        {Random({batch * sequence, (queries + 2 * keys) * size}, 6)});
  }
}

TEST_P(SwiGluTest, EveryPathHasItsOwnSlopes) {
  const auto reference = [](const std::vector<at::Tensor>& in) {
    return PlainGate(in[0].view({3, 90, 2 * 21}), in[1].view({3, 1, 21})).view({270, 21});
  };
  Compare([](const auto& in) { return SwiGlu(in[0], in[1]); }, reference,
          {Random({270, 2 * 21}, 12, 4.0f), Random({3, 21}, 13)});
}

TEST_P(LinearTest, IsTheProduct) {
  // Fewer and more rows than a block of a product, than the depth of a panel, and than those for
  // which it is worth while; odd numbers of columns.
  for (const auto& [rows, in, out] : {std::tuple{7, 16, 5},
                                      {33, 1, 1},
                                      {101, 40, 67},
                                      {300, 129, 31},
                                      {520, 24, 200},
                                      {40, 600, 530}}) {
    Compare([](const auto& x) { return Linear(x[0], x[1], Precision::kFp32); },
            [](const auto& x) { return at::linear(x[0], x[1]); },
            {Random({rows, in}, 14), Random({out, in}, 15)});
  }
}

TEST_P(LinearTest, EveryPathHasItsOwnMap) {
  Compare([](const auto& x) { return Linear(x[0], x[1], Precision::kFp32); },
          [](const auto& x) {
            return at::bmm(x[0].view({3, 50, 19}), x[1].transpose(1, 2)).view({150, 35});
          },
          {Random({150, 19}, 16), Random({3, 35, 19}, 17)});
}

// What a network does: the gradient is added to what is there, and others see it where it was.
TEST_P(LinearTest, TheGradientOfALeafIsAddedInPlace) {
  const at::Tensor buffer = at::ones({2, 12, 10}), x = Random({80, 7}, 18);
  at::Tensor weight = at::zeros({2, 12, 10}).narrow(1, 0, 4).narrow(2, 0, 7).contiguous();
  weight.requires_grad_(true);
  // Maps that lie apart, as those of paths in the network's buffers.
  const at::Tensor gradient = buffer.view({-1}).as_strided({2, 4, 7}, {120, 7, 1});
  weight.mutable_grad() = gradient;
  torch::autograd::backward({Linear(x, weight, Precision::kFp32).sum()}, {});
  EXPECT_EQ(weight.grad().data_ptr(), buffer.data_ptr());
  const at::Tensor sums = x.to(at::kDouble).view({2, 40, 1, 7}).sum(1).expand({2, 4, 7}) + 1;
  EXPECT_LT(Distance(gradient, sums), 1e-6);
  EXPECT_EQ(buffer.view({-1}).narrow(0, 28, 92).eq(1).all().item<bool>(), true) << "between them";
}

TEST_P(EmbeddingTest, IsItsRows) {
  const at::Tensor ids = at::tensor({3, 0, 3, 2, 3, 1}, at::kLong);
  Compare([&](const auto& in) { return Embedding(in[0], ids, 2); },
          [&](const auto& in) { return at::embedding(in[0], ids, 2); }, {Random({5, 37}, 19)});
  at::Tensor weight = Random({5, 37}, 19).requires_grad_(true);
  const at::Tensor before = at::ones({5, 37});
  weight.mutable_grad() = before;
  torch::autograd::backward({Embedding(weight, ids, 2).sum()}, {});
  EXPECT_EQ(weight.grad().data_ptr(), before.data_ptr());
  EXPECT_TRUE(at::equal(before.select(1, 36), at::tensor({2.0f, 2.0f, 1.0f, 4.0f, 1.0f})));
}

// x, gain, qkv, o, scale -> x + scale Attn(norm(x)), written out for `paths`.
at::Tensor PlainAttentionHalf(const std::vector<at::Tensor>& in, const at::Tensor& angle,
                              int64_t paths, int64_t batch, const HeadCounts& heads) {
  const int64_t w = in[0].size(1), sequence = angle.size(0), columns = in[2].size(-2);
  const at::Tensor x = in[0].view({paths, -1, w});
  const at::Tensor normed = PlainNorm(x, in[1].view({paths, 1, w}));
  const at::Tensor qkv = at::bmm(normed, in[2].view({paths, columns, w}).transpose(1, 2));
  const at::Tensor mixed = PlainAttention(qkv.reshape({-1, columns}), angle, paths * batch,
                                          sequence, heads);
  const at::Tensor out = at::bmm(mixed.view({paths, -1, w}),
                                 in[3].view({paths, w, w}).transpose(1, 2));
  return (x + in[4] * out).view({-1, w});
}

TEST_P(AttentionHalfTest, IsItsFormula) {
  const at::Tensor angle = Angles(23, 8);
  const auto cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
  for (const int64_t paths : {1, 2}) {
    for (const HeadCounts& heads : {HeadCounts{3, 3}, {3, 1}}) {
      const int64_t w = 24, columns = w + 16 * heads.keys;
      Compare(
          [&](const auto& in) {
            return AttentionHalf(in[0], {in[1], in[2], in[3]}, in[4], cos, sin, 1e-5, 23, heads,
                                 RopeLayout::kHalf, Precision::kFp32);
          },
          [&](const auto& in) { return PlainAttentionHalf(in, angle, paths, 2, heads); },
          {Random({paths * 46, w}, 20), Random({paths, w}, 21),
           Random({paths, columns, w}, 22, 0.3f), Random({paths, w, w}, 23, 0.3f),
           Random({1}, 24)});
    }
  }
}

TEST_P(AttentionHalfTest, WorksWithoutOutputMatrixAndScale) {
  const at::Tensor angle = Angles(40, 4);
  const auto cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
  Compare(
      [&](const auto& in) {
        return AttentionHalf(in[0], {in[1], in[2], {}}, {}, cos, sin, 1e-5, 40, {2, 2},
                             RopeLayout::kHalf, Precision::kFp32);
      },
      [&](const auto& in) {
        const at::Tensor qkv = at::linear(PlainNorm(in[0], in[1]), in[2]);
        return in[0] + PlainAttention(qkv, angle, 1, 40, {2, 2});
      },
      {Random({40, 8}, 25), Random({8}, 26), Random({24, 8}, 27, 0.3f)});
}

// As blocks of the dual-path paper have it, in both layouts of positions.
TEST_P(AttentionHalfTest, NormsQueriesAndKeys) {
  const at::Tensor angle = Angles(50, 12);
  for (const auto& [layout, keys] : {std::pair{RopeLayout::kHalf, 3},
                                     {RopeLayout::kInterleaved, 3},
                                     {RopeLayout::kInterleaved, 1}}) {
    const HeadCounts heads{3, keys};
    const RopeLayout turn = layout;
    Compare(
        [&](const auto& in) {
          return AttentionHalf(in[0], {in[1], in[2], in[3], in[5], in[6]}, in[4],
                               angle.cos().to(at::kFloat), angle.sin().to(at::kFloat), 1e-5, 50,
                               heads, turn, Precision::kFp32);
        },
        [&](const auto& in) {
          const std::vector<at::Tensor> parts = PartsOf(at::linear(PlainNorm(in[0], in[1]), in[2]),
                                                        2, heads);
          const auto turned = [&](size_t part, const at::Tensor& gain) {
            return PlainNorm(Rotate(parts[part], angle.cos(), angle.sin(), turn), gain);
          };
          const at::Tensor mixed = PlainMix(turned(0, in[5]), turned(1, in[6]), parts[2]);
          return in[0] + in[4] * at::linear(mixed, in[3]);
        },
        {Random({100, 36}, keys == 3 ? 34 : 61), Random({36}, 35),
         Random({36 + 24 * keys, 36}, 36, 0.3f), Random({36, 36}, 37, 0.3f), Random({1}, 38),
         Random({12}, 39), Random({12}, 40)});
  }
}

// What comes later must not be seen, not even by the last bit.
TEST_P(RopeAttentionTest, NoRowSeesALaterOne) {
  const at::Tensor angle = Angles(60, 8), cos = OnDevice(angle.cos().to(at::kFloat)),
                   sin = OnDevice(angle.sin().to(at::kFloat));
  at::Tensor qkv = Random({60, 48}, 41);
  const auto first = [&](const at::Tensor& rows) {
    return RopeAttention(OnDevice(rows), cos, sin, 1, 60, {2, 2}).cpu().narrow(0, 0, 51);
  };
  const at::Tensor before = first(qkv);
  qkv.narrow(0, 51, 9).mul_(50);
  EXPECT_TRUE(at::equal(first(qkv), before));
}

TEST_P(FeedForwardHalfTest, IsItsFormula) {
  const auto plain = [](const std::vector<at::Tensor>& in, const at::Tensor& beta,
                        const at::Tensor& scale) {
    const at::Tensor x = in[0].view({2, -1, 24});
    const at::Tensor hidden = at::bmm(PlainNorm(x, in[1].view({2, 1, 24})), in[2].transpose(1, 2));
    return (x + scale * at::bmm(PlainGate(hidden, beta), in[3].transpose(1, 2))).view({-1, 24});
  };
  const std::vector<at::Tensor> inputs = {Random({140, 24}, 28), Random({2, 24}, 29),
                                          Random({2, 2 * 37, 24}, 30, 0.3f),
                                          Random({2, 24, 37}, 31, 0.3f)};
  Compare(
      [&](const auto& in) {
        return FeedForwardHalf(in[0], {in[1], in[2], {}, in[3]}, {}, 1e-5, Precision::kFp32);
      },
      [&](const auto& in) {
        const at::Tensor one = at::ones({1}, at::kDouble);
        return plain(in, one, one);
      },
      inputs);
  std::vector<at::Tensor> more = inputs;
  more.push_back(Random({2, 37}, 32));
  more.push_back(Random({1}, 33));
  Compare(
      [&](const auto& in) {
        return FeedForwardHalf(in[0], {in[1], in[2], in[4], in[3]}, in[5], 1e-5, Precision::kFp32);
      },
      [&](const auto& in) { return plain(in, in[4].view({2, 1, 37}), in[5]); }, more);
}

// The products are cut for threads such that no sum depends on them, nor do those of gains, slopes
// and scale over the rows: of 32768 and more ATen would cut a sum to one number among the threads.
TEST_P(FeedForwardHalfTest, HasTheSameBitsWithAnyNumberOfThreads) {
  for (const auto& [rows, w, f] : {std::tuple{300, 24, 40}, {33'000, 8, 5}}) {
    ExpectSameBitsOnAnyThreads(
        [](const auto& in) {
          return FeedForwardHalf(in[0], {in[1], in[2], in[4], in[3]}, in[5], 1e-5,
                                 Precision::kFp32);
        },
        {Random({rows, w}, 28), Random({w}, 29), Random({2 * f, w}, 30), Random({w, f}, 31),
         Random({f}, 32), Random({1}, 33)});
  }
}

TEST_P(AttentionHalfTest, HasTheSameBitsWithAnyNumberOfThreads) {
  for (const auto& [sequences, sequence, queries, keys] :
       {std::tuple{5, 60, 3, 3}, {4'125, 8, 2, 2}, {5, 60, 4, 2}}) {
    const int64_t T = sequence, w = 4 * queries;
    const HeadCounts h{queries, keys};
    const at::Tensor angle = Angles(T, 4);
    const auto cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
    ExpectSameBitsOnAnyThreads(
        [&](const auto& in) {
          return AttentionHalf(in[0], {in[1], in[2], in[3], in[5], in[6]}, in[4], cos, sin, 1e-5, T,
                               h, RopeLayout::kHalf, Precision::kFp32);
        },
        {Random({sequences * T, w}, 20), Random({w}, 21), Random({w + 8 * keys, w}, 22),
         Random({w, w}, 23), Random({1}, 24), Random({4}, 25), Random({4}, 26)});
  }
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

TEST_P(HeadLossTest, IsCrossEntropyOfTheWholeLogits) {
  // One tile; several tiles and chunks with a rest; logits of hundreds; a width of several depths.
  for (const auto& [rows, vocab, w, size] : {std::tuple{7, 50, 8, 1.0f},
                                             {601, 2100, 24, 1.0f},
                                             {300, 1025, 16, 60.0f},
                                             {20, 300, 530, 0.2f}}) {
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

TEST_P(HeadLossTest, IgnoredRowsCountForNothing) {
  HeadCase c = MakeHeadCase(9, 40, 8, 1.0f);
  c.labels.fill_(-1);
  at::Tensor dx, dw = at::zeros({40, 8});
  EXPECT_EQ(c.Loss(1.0, &dx, &dw), 0.0);
  EXPECT_EQ(dx.abs().max().item<float>(), 0.0f);
  EXPECT_EQ(dw.abs().max().item<float>(), 0.0f);
}

TEST_P(HeadLossTest, NotANumberIsNotHidden) {
  const HeadCase c = MakeHeadCase(40, 1500, 8, 1.0f);
  c.hidden[4][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(c.Loss(1.0, nullptr, nullptr)));
}

TEST_P(HeadLossTest, RepeatsBitForBit) {
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

TEST_P(HeadLossTest, HasTheSameBitsWithAnyNumberOfThreads) {
  const HeadCase c = MakeHeadCase(300, 5000, 20, 1.0f);
  const auto once = [&](int threads) {
    at::set_num_threads(threads);
    at::Tensor dx, dw = at::zeros({5000, 20});
    const double loss = c.Loss(1.0, &dx, &dw);
    return std::tuple{loss, dx, dw};
  };
  const int before = at::get_num_threads();
  const auto [loss, dx, dw] = once(1);
  const auto [loss3, dx3, dw3] = once(3);
  at::set_num_threads(before);
  EXPECT_EQ(loss, loss3);
  EXPECT_TRUE(at::equal(dx, dx3));
  EXPECT_TRUE(at::equal(dw, dw3));
}

TEST_P(HeadLossTest, IgnoredRowsCountForNothingWhateverTheyContain) {
  if (TestDevice() != "cpu") GTEST_SKIP() << "a GPU multiplies the row by zero, which stays NaN";
  HeadCase c = MakeHeadCase(40, 600, 8, 1.0f);
  c.hidden[3].fill_(std::numeric_limits<float>::quiet_NaN());
  ASSERT_EQ(c.labels[3].item<int64_t>(), -1);
  at::Tensor dx, dw = at::zeros({600, 8});
  EXPECT_FALSE(std::isnan(c.Loss(1.0, &dx, &dw)));
  EXPECT_EQ(dx[3].abs().max().item<float>(), 0.0f);
  EXPECT_FALSE(dw.isnan().any().item<bool>());
}

// On every device: one that was read would come from another row, or from nowhere.
TEST_P(HeadLossTest, ALabelBeyondTheVocabularyIsNoNumber) {
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
