// Products of bf16: each function in Precision::kBf16 against its formula in double precision, with
// every instruction set.
//
// A number of bf16 has 8 significant bits, so that rounding changes it by at most 2^-8 of itself.
// The formulas round as torch does, which is another program; what differs then comes from sums of
// fp32 alone.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <tuple>
#include <vector>

#include "tests/trainer/kernels/formulas.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr Precision kBf16 = Precision::kBf16;
const double kUnit = std::pow(2.0, -8);         // of rounding to bf16
const double kUnitOfSums = std::pow(2.0, -24);  // of an addition of fp32

at::Tensor Rounded(const at::Tensor& x) {
  return x.to(at::kFloat).to(at::kBFloat16).to(at::kDouble);
}

class Bf16Test : public CpuKernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Bf16Test, ::testing::ValuesIn(TestedBf16Kernels()), NameOf);

TEST_P(Bf16Test, RoundsToTheNearestAndTiesToEven) {
  // 1 + 2^-8 lies between 1 and 1 + 2^-7, and 1 + 3 * 2^-8 between that and 1 + 2^-6.
  std::vector<float> numbers = {1.0f,
                                1.0f + 1 / 256.0f,
                                1.0f + 3 / 256.0f,
                                1.0f + 1 / 256.0f + 1 / 8388608.0f,
                                -1.0f - 3 / 256.0f,
                                0.0f,
                                -0.0f,
                                std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::infinity(),
                                -std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::min(),
                                3e38f};
  const at::Tensor more = Random({60}, 1, 100.0f);
  numbers.insert(numbers.end(), more.const_data_ptr<float>(), more.const_data_ptr<float>() + 59);
  std::vector<float> rounded((numbers.size() + 1) / 2);
  ASSERT_EQ(numbers.size() % 2, 1) << "the last one has no neighbour";
  Simd().bf16.round(numbers.data(), std::ssize(numbers), rounded.data());
  const at::Tensor expected = at::tensor(numbers).to(at::kBFloat16);
  EXPECT_EQ(std::memcmp(rounded.data(), expected.const_data_ptr(), 2 * numbers.size()), 0);
}

float OfBits(uint32_t bits) {
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

// The numbers of bf16 that `round` makes.
std::vector<uint16_t> RoundedBits(const std::vector<float>& numbers) {
  std::vector<float> places((numbers.size() + 1) / 2);
  Simd().bf16.round(numbers.data(), std::ssize(numbers), places.data());
  std::vector<uint16_t> halves(2 * places.size());
  std::memcpy(halves.data(), places.data(), 2 * halves.size());
  return halves;
}

// Where a number is added to half a unit, the largest mantissa would become another sign or
// infinity. 70 numbers are whole vectors and a rest.
TEST_P(Bf16Test, NotANumberStaysThat) {
  for (const uint32_t bits : {0x7fffffffu, 0xffffffffu, 0x7f800001u, 0xff80ffffu, 0x7fc00000u}) {
    const std::vector<uint16_t> halves = RoundedBits(std::vector<float>(69, OfBits(bits)));
    for (size_t i = 0; i < 69; ++i) {
      EXPECT_EQ(halves[i] & 0x7f80, 0x7f80) << std::hex << bits << " at " << std::dec << i;
      EXPECT_NE(halves[i] & 0x007f, 0) << std::hex << bits << " at " << std::dec << i;
    }
    EXPECT_EQ(halves[69], 0) << "what is missing of a pair";
  }
}

TEST_P(Bf16Test, NumbersBelowTheSmallestNormalOneAreRoundedOrZero) {
  for (const uint32_t bits : {1u, 0x00018000u, 0x007f0000u, 0x807fffffu}) {
    const at::Tensor expected = at::tensor({OfBits(bits)}).to(at::kBFloat16);
    uint16_t rounded;
    std::memcpy(&rounded, expected.const_data_ptr(), sizeof(rounded));
    for (const uint16_t half : RoundedBits(std::vector<float>(70, OfBits(bits))))
      EXPECT_TRUE(half == rounded || half == (bits >> 31 << 15)) << std::hex << half;
  }
}

// With AVX-512, and with its instruction for bf16: gangs of both keep equal weights.
TEST(Bf16BitsTest, TheInstructionHasTheBitsOfItsSteps) {
  const SimdKernels *steps = nullptr, *instruction = nullptr;
  for (const SimdKernels* kernels : UsableSimdKernels()) {
    if (std::string_view(kernels->name) == "avx512") steps = kernels;
    if (std::string_view(kernels->name) == "avx512_bf16") instruction = kernels;
  }
  if (instruction == nullptr) GTEST_SKIP() << "of processors with avx512_bf16";
  HeadCase c = MakeHeadCase(530, 1101, 25, 1.0f);
  c.precision = kBf16;
  const auto all = [&](const SimdKernels& kernels) {
    const ScopedSimd simd(kernels);
    at::Tensor dx, dw = at::zeros({1101, 25});
    const double loss = c.Loss(1.0, &dx, &dw);
    return std::tuple{loss, dx, dw, Linear(c.hidden, c.head, kBf16)};
  };
  const auto [loss, dx, dw, y] = all(*steps);
  const auto [loss2, dx2, dw2, y2] = all(*instruction);
  EXPECT_EQ(loss, loss2);
  EXPECT_TRUE(at::equal(dx, dx2));
  EXPECT_TRUE(at::equal(dw, dw2));
  EXPECT_TRUE(at::equal(y, y2));
}

// |a - b| <= bound, element by element.
void ExpectWithin(const at::Tensor& own, const at::Tensor& exact, const at::Tensor& bound) {
  const at::Tensor excess = ((own.to(at::kDouble) - exact).abs() - bound).max();
  EXPECT_LE(excess.item<double>(), 0.0);
}

// A product of `terms` terms against that of the rounded operands: nothing but the additions
// differs.
void ExpectProduct(const at::Tensor& own, const at::Tensor& a, const at::Tensor& b, int64_t terms) {
  const at::Tensor x = Rounded(a), y = Rounded(b);
  const at::Tensor size = at::matmul(x.abs(), y.abs());
  ExpectWithin(own, at::matmul(x, y), size * (static_cast<double>(terms + 2) * kUnitOfSums));
  // And so against that of the operands as they are.
  const at::Tensor whole = at::matmul(a.to(at::kDouble).abs(), b.to(at::kDouble).abs());
  ExpectWithin(own, at::matmul(a.to(at::kDouble), b.to(at::kDouble)),
               whole * (2 * kUnit + kUnit * kUnit + static_cast<double>(terms + 2) * kUnitOfSums));
}

TEST_P(Bf16Test, LinearIsTheProductOfTheRounded) {
  // As LinearTest; odd numbers of all that is paired; few rows, too.
  for (const auto& [rows, in, out] : {std::tuple{1, 1, 1},
                                      {7, 16, 5},
                                      {33, 3, 1},
                                      {101, 41, 67},
                                      {300, 129, 31},
                                      {521, 24, 200},
                                      {40, 601, 530},
                                      {35, 1100, 20}}) {
    const at::Tensor x = Random({rows, in}, 14).requires_grad_(true),
                     weight = Random({out, in}, 15).requires_grad_(true),
                     dy = Random({rows, out}, 16);
    const at::Tensor y = Linear(x, weight, kBf16);
    torch::autograd::backward({y}, {dy});
    ExpectProduct(y.detach(), x.detach(), weight.detach().t(), in);
    ExpectProduct(x.grad(), dy, weight.detach(), out);
    ExpectProduct(weight.grad(), dy.t(), x.detach(), rows);
  }
}

TEST_P(Bf16Test, LinearOfPathsAndNotANumber) {
  at::Tensor x = Random({150, 19}, 16);
  const at::Tensor weight = Random({3, 35, 19}, 17);
  const at::Tensor y = Linear(x, weight, kBf16);
  for (int64_t path = 0; path < 3; ++path)
    ExpectProduct(y.narrow(0, 50 * path, 50), x.narrow(0, 50 * path, 50), weight[path].t(), 19);
  x[60][18] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor broken = Linear(x, weight, kBf16).isnan();
  EXPECT_TRUE(broken[60].all().item<bool>());
  EXPECT_EQ(broken.sum().item<int64_t>(), 35) << "of its row alone";
}

// x weight' in double precision with operands rounded forward and backward, as the kernels do it.
class RoundedMap : public torch::autograd::Function<RoundedMap> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight) {
    context->save_for_backward({x, weight});
    return at::linear(Rounded(x), Rounded(weight));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = Rounded(gradients[0]);
    return {at::mm(dy, Rounded(saved[1])), at::mm(dy.t(), Rounded(saved[0]))};
  }
};

at::Tensor Map(const at::Tensor& x, const at::Tensor& weight) {
  return RoundedMap::apply(x, weight);
}

using Rounding = std::function<at::Tensor(const std::vector<at::Tensor>&, Precision)>;

// Between products numbers are fp32 here and fp64 there, and differ by some 2^-22. Those that lie
// so close to the middle of two numbers of bf16, one in 2^13, are rounded to different sides, by at
// most 2^-7: in the norm that is 2^-13.5 for each product. Half of the distance between both
// precisions must be above the bound, or else it would not see that nothing was rounded.
void CompareRounded(const Rounding& function, const Function& reference,
                    const std::vector<at::Tensor>& inputs) {
  const double bound = std::pow(2.0, -11);
  const auto in = [&](Precision precision) {
    return WithGradients([&](const auto& x) { return function(x, precision); }, inputs, at::kFloat);
  };
  const auto own = in(kBf16), plain = in(Precision::kFp32);
  const auto exact = WithGradients(reference, inputs, at::kDouble);
  for (size_t i = 0; i < own.size(); ++i) {
    const std::string what = i == 0 ? "value" : "gradient of input " + std::to_string(i - 1);
    EXPECT_LT(Distance(own[i], exact[i]), bound) << what;
    EXPECT_GT(Distance(own[i], plain[i]), 2 * bound) << what;
  }
}

TEST_P(Bf16Test, AttentionHalfRoundsWhatItsMapsMultiply) {
  const at::Tensor angle = Angles(23, 8);
  const auto cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
  const HeadCounts heads{3, 1};
  for (const bool scaled : {true, false}) {
    const auto of = [&](const at::Tensor& scale) { return scaled ? scale : at::Tensor(); };
    std::vector<at::Tensor> inputs = {Random({92, 24}, 20), Random({24}, 21),
                                      Random({40, 24}, 22, 0.3f), Random({24, 24}, 23, 0.3f)};
    if (scaled) inputs.push_back(Random({1}, 24));
    CompareRounded(
        [&](const auto& in, Precision precision) {
          return AttentionHalf(in[0], {in[1], in[2], in[3]}, of(in.back()), cos, sin, 1e-5, 23,
                               heads, RopeLayout::kHalf, precision) -
                 in[0];
        },
        [&](const auto& in) {
          const at::Tensor qkv = Map(PlainNorm(in[0], in[1]), in[2]);
          const at::Tensor out = Map(PlainAttention(qkv, angle, 4, 23, heads), in[3]);
          return scaled ? in[4] * out : out;
        },
        inputs);
  }
}

TEST_P(Bf16Test, FeedForwardHalfRoundsWhatItsMapsMultiply) {
  const std::vector<at::Tensor> inputs = {
      Random({140, 24}, 28),      Random({24}, 29), Random({2 * 37, 24}, 30, 0.3f),
      Random({24, 37}, 31, 0.3f), Random({37}, 32), Random({1}, 33)};
  const auto own = [&](const std::vector<at::Tensor>& in, Precision precision) {
    return FeedForwardHalf(in[0], {in[1], in[2], in[4], in[3]}, in[5], 1e-5, precision) - in[0];
  };
  CompareRounded(
      own,
      [&](const auto& in) {
        const at::Tensor hidden = Map(PlainNorm(in[0], in[1]), in[2]);
        return in[5] * Map(PlainGate(hidden, in[4]), in[3]);
      },
      inputs);
  const at::Tensor kept = own(inputs, kBf16);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(own(inputs, kBf16), kept)) << "without a backward pass";
}

TEST_P(Bf16Test, HaveTheSameBitsWithAnyNumberOfThreads) {
  ExpectSameBitsOnAnyThreads(
      [](const auto& in) {
        return FeedForwardHalf(in[0], {in[1], in[2], {}, in[3]}, in[4], 1e-5, kBf16);
      },
      {Random({301, 23}, 28), Random({23}, 29), Random({2 * 41, 23}, 30), Random({23, 41}, 31),
       Random({1}, 33)});
}

// Of each row and entry: 0.3 softmax of the logits of rounded operands, without the label's 0.3; 0
// in rows that do not count. And the losses of the rows.
struct ExactHead {
  at::Tensor shares, losses;
};
ExactHead ExactHeadOf(const HeadCase& c) {
  const at::Tensor logits = at::linear(Rounded(c.hidden), Rounded(c.head)),
                   counts = c.labels.ge(0).to(at::kDouble);
  const at::Tensor label = logits.gather(1, c.labels.clamp_min(0).unsqueeze(1)).squeeze(1);
  return {0.3 * logits.softmax(1) * counts.unsqueeze(1), (logits.logsumexp({1}) - label) * counts};
}

// 0.3 at the label of each row that counts, [rows, vocab].
at::Tensor LabelsOf(const HeadCase& c) {
  at::Tensor labels = at::zeros({c.hidden.size(0), c.head.size(0)}, at::kDouble);
  labels.scatter_(1, c.labels.clamp_min(0).unsqueeze(1), 0.3);
  return labels * c.labels.ge(0).to(at::kDouble).unsqueeze(1);
}

TEST_P(Bf16Test, HeadLossIsCrossEntropyOfRoundedProducts) {
  for (const auto& [rows, vocab, w, size] : {std::tuple{7, 51, 9, 1.0f},
                                             {530, 1101, 24, 1.0f},
                                             {300, 1025, 16, 20.0f},
                                             {21, 301, 531, 0.2f}}) {
    HeadCase c = MakeHeadCase(rows, vocab, w, size);
    c.precision = kBf16;
    const ExactHead exact = ExactHeadOf(c);
    at::Tensor dx, dw = Random({vocab, w}, 10), losses;
    const at::Tensor before = dw.to(at::kDouble);
    const double loss = c.Loss(0.3, &dx, &dw, &losses);
    EXPECT_EQ(c.Loss(1.0, nullptr, nullptr), loss) << "without gradients";

    // A logit of fp32 is off by at most w + 2 roundings of the absolute sum, and e^logit by as much
    // of itself, and by the two units of the exponential.
    const at::Tensor x = c.hidden.to(at::kDouble), head = Rounded(c.head);
    const double largest = at::linear(Rounded(c.hidden).abs(), head.abs()).max().item<double>(),
                 logits = static_cast<double>(w + 2) * kUnitOfSums * largest;
    EXPECT_LE((losses.to(at::kDouble) - exact.losses).abs().max().item<double>(),
              2 * logits + exact.losses.max().item<double>() * 8 * kUnitOfSums);
    // Exponentials are rounded, and so is x; sums have as many roundings as terms.
    const double relative = 2 * kUnit + kUnit * kUnit + 2 * logits +
                            static_cast<double>(vocab + rows) * kUnitOfSums;
    const at::Tensor label = LabelsOf(c), both = exact.shares + label;
    ExpectWithin(dx, at::mm(exact.shares - label, head), at::mm(both, head.abs()) * relative);
    ExpectWithin(dw.to(at::kDouble) - before, at::mm((exact.shares - label).t(), x),
                 at::mm(both.t(), x.abs()) * relative +
                     before.abs() * static_cast<double>(rows) * kUnitOfSums);
    HeadCase plain = c;
    plain.precision = Precision::kFp32;
    EXPECT_NE(plain.Loss(0.3, nullptr, nullptr), loss) << "nothing was rounded";
  }
}

// Where the model is sure, the gradients of the label all but cancel, and must not leave what
// rounding its row of the head, or x, has changed: that would be 2^-9 of it.
TEST_P(Bf16Test, HeadLossOfWhatTheModelIsSureOf) {
  HeadCase c = MakeHeadCase(40, 300, 24, 1.0f);
  c.precision = kBf16;
  const at::Tensor label_rows = c.head.index_select(0, c.labels.clamp_min(0));
  c.hidden.copy_(label_rows * at::linspace(0.5, 2.0, 40).unsqueeze(1));
  const ExactHead exact = ExactHeadOf(c);
  const at::Tensor label = LabelsOf(c), head = Rounded(c.head), x = c.hidden.to(at::kDouble),
                   left = (exact.shares - label).abs();
  ASSERT_LT(left.sum(1).median().item<double>(), 1e-4) << "sure of most";
  at::Tensor dx, dw = at::zeros({300, 24});
  (void)c.Loss(0.3, &dx, &dw);
  // Of what is left of a share of 1 after as many roundings as a row of logits has, and more.
  const double relative = 2 * kUnit + kUnit * kUnit + 1e-4, ends = 400 * kUnitOfSums;
  ExpectWithin(dx, at::mm(exact.shares - label, head),
               at::mm(left, head.abs()) * relative + at::mm(label, head.abs()) * ends);
  // Rows of the label may be sums of several.
  ExpectWithin(dw, at::mm((exact.shares - label).t(), x),
               at::mm(left.t(), x.abs()) * relative + at::mm(label.t(), x.abs()) * ends);
}

TEST_P(Bf16Test, HeadLossTakesRowsThatDoNotCountAndNotANumberAsItShould) {
  HeadCase c = MakeHeadCase(41, 600, 9, 1.0f);
  c.precision = kBf16;
  c.hidden[3].fill_(std::numeric_limits<float>::quiet_NaN());
  ASSERT_EQ(c.labels[3].item<int64_t>(), -1);
  at::Tensor dx, dw = at::zeros({600, 9});
  EXPECT_FALSE(std::isnan(c.Loss(1.0, &dx, &dw)));
  EXPECT_EQ(dx[3].abs().max().item<float>(), 0.0f);
  EXPECT_FALSE(dw.isnan().any().item<bool>());
  c.hidden[4][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(c.Loss(1.0, nullptr, nullptr)));
}

TEST_P(Bf16Test, HeadLossHasTheSameBitsWithAnyNumberOfThreads) {
  HeadCase c = MakeHeadCase(300, 5001, 21, 1.0f);
  c.precision = kBf16;
  const auto once = [&](int threads) {
    at::set_num_threads(threads);
    at::Tensor dx, dw = at::zeros({5001, 21});
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

}  // namespace
}  // namespace braid::trainer
