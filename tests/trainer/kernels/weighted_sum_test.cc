// WeightedSum against the chain of operators that it stands for, in double precision.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstring>

#include "base/random.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

constexpr int64_t kRows = 150;  // pieces of rows, the last one not whole

at::Tensor Random(at::IntArrayRef shape, uint64_t seed) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const RandomStream draws(seed, "values");
  for (int64_t i = 0; i < tensor.numel(); ++i)
    tensor.mutable_data_ptr<float>()[i] = draws.Normal(static_cast<uint64_t>(i));
  return tensor;
}

struct Terms {
  std::vector<at::Tensor> rows;
  at::Tensor weights;  // [kRows, terms]: the weights of a term are not contiguous
};

Terms MakeTerms(int64_t terms, int64_t w) {
  Terms made{{}, Random({kRows, terms}, 7).requires_grad_(true)};
  for (int64_t k = 0; k < terms; ++k)
    made.rows.push_back(Random({kRows, w}, 8 + static_cast<uint64_t>(k)).requires_grad_(true));
  return made;
}

std::vector<at::Tensor> ColumnsOf(const at::Tensor& weights) {
  return weights.split(1, 1);
}

// The sum, and after its backward pass the gradients of rows and weights.
std::vector<at::Tensor> Computed(int64_t terms, int64_t w) {
  const Terms made = MakeTerms(terms, w);
  const at::Tensor y = WeightedSum(made.rows, ColumnsOf(made.weights));
  torch::autograd::backward({y}, {Random({kRows, w}, 3)});
  std::vector<at::Tensor> all{y.detach()};
  for (const at::Tensor& one : made.rows) all.push_back(one.grad());
  all.push_back(made.weights.grad());
  return all;
}

std::vector<at::Tensor> Expected(int64_t terms, int64_t w) {
  const Terms made = MakeTerms(terms, w);
  const at::Tensor dy = Random({kRows, w}, 3).to(at::kDouble);
  const at::Tensor weights = made.weights.detach().to(at::kDouble);
  at::Tensor y = at::zeros({kRows, w}, at::kDouble);
  std::vector<at::Tensor> all{y}, dweights;
  for (int64_t k = 0; k < terms; ++k) {
    const at::Tensor x = made.rows[static_cast<size_t>(k)].detach().to(at::kDouble),
                     weight = weights.narrow(1, k, 1);
    y += weight * x;
    all.push_back(weight * dy);
    dweights.push_back((x * dy).sum(1, true));
  }
  all.push_back(at::cat(dweights, 1));
  return all;
}

TEST(WeightedSumTest, ValueAndGradientsAreThoseOfTheFormula) {
  for (const auto& [terms, w] : {std::pair{1, 5}, {2, 16}, {3, 47}, {4, 128}}) {
    const std::vector<at::Tensor> own = Computed(terms, w), exact = Expected(terms, w);
    ASSERT_EQ(own.size(), exact.size());
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_LT(((own[i].to(at::kDouble) - exact[i]).norm() / exact[i].norm()).item<double>(), 1e-6)
          << terms << " terms, tensor " << i;
    }
  }
}

TEST(WeightedSumTest, ThreadsChangeNoBit) {
  const std::vector<at::Tensor> one = Computed(3, 47);
  at::set_num_threads(2);
  const std::vector<at::Tensor> two = Computed(3, 47);
  at::set_num_threads(1);
  for (size_t i = 0; i < one.size(); ++i) {
    const at::Tensor a = one[i].contiguous(), b = two[i].contiguous();
    EXPECT_EQ(std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()), 0) << i;
  }
}

TEST(WeightedSumTest, NumbersThatNobodyTrainsHaveNoGradient) {
  const at::Tensor x = Random({kRows, 8}, 1).requires_grad_(true), fixed = Random({kRows, 8}, 2),
                   half = at::full({kRows, 1}, 0.5f);
  torch::autograd::backward({WeightedSum({x, fixed}, {half, half})}, {at::ones({kRows, 8})});
  EXPECT_TRUE(at::equal(x.grad(), at::full({kRows, 8}, 0.5f)));
  EXPECT_FALSE(fixed.grad().defined());
  EXPECT_FALSE(half.grad().defined());
}

}  // namespace
}  // namespace braid::trainer
