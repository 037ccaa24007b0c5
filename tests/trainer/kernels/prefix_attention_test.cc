// Attention of sequences that share beginnings against the plain formula in double precision of
// each sequence by itself, and a feed-forward half without gradients against itself with them.
#include "trainer/kernels/prefix_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "tests/trainer/kernels/tested_kernels.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

constexpr double kEps = 1e-5;

class PrefixAttentionTest : public ::testing::TestWithParam<const SimdKernels*> {
 private:
  const ScopedSimd simd_{*GetParam()};
};
std::string NameOf(const ::testing::TestParamInfo<const SimdKernels*>& info) {
  return info.param->name;
}
INSTANTIATE_TEST_SUITE_P(Isa, PrefixAttentionTest, ::testing::ValuesIn(TestedSimdKernels()),
                         NameOf);

at::Tensor Random(at::IntArrayRef shape, uint64_t seed, float size = 1.0f) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const RandomStream draws(seed, "values");
  for (int64_t i = 0; i < tensor.numel(); ++i)
    tensor.mutable_data_ptr<float>()[i] = size * draws.Normal(static_cast<uint64_t>(i));
  return tensor;
}

at::Tensor Exact(const at::Tensor& x) {
  return x.to(at::kDouble);
}

void ExpectNear(const at::Tensor& own, const at::Tensor& exact) {
  ASSERT_EQ(own.sizes(), exact.sizes());
  EXPECT_LT(((Exact(own) - exact).norm() / exact.norm()).item<double>(), 3e-6);
}

void ExpectSameBits(const at::Tensor& a, const at::Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_EQ(std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()), 0);
}

// A trunk of `trunk` rows, from whose row `trunk` - 3 a branch leaves, from whose second row
// another one does; and a sequence of its own, longer than a block of queries.
std::vector<PrefixRun> Tree(int64_t trunk) {
  std::vector<int64_t> to_branch(static_cast<size_t>(trunk - 2)), to_twig;
  for (size_t i = 0; i < to_branch.size(); ++i) to_branch[i] = static_cast<int64_t>(i);
  to_twig = to_branch;
  to_twig.push_back(trunk);
  to_twig.push_back(trunk + 1);
  return {{{}, 0, trunk}, {to_branch, trunk, 5}, {to_twig, trunk + 5, 1}, {{}, trunk + 6, 60}};
}
constexpr int64_t kMoreRows = 66;  // than the trunk has

std::vector<int64_t> SequenceOf(const PrefixRun& run) {
  std::vector<int64_t> rows = run.before;
  for (int64_t i = 0; i < run.count; ++i) rows.push_back(run.first + i);
  return rows;
}

struct Shape {
  int64_t trunk, paths;
  HeadCounts heads;
  int64_t size;
  RopeLayout layout;
  bool norms;
};

CachedAttentionForm FormOf(const Shape& shape, int64_t positions) {
  CachedAttentionForm form{shape.layout,
                           Random({positions, shape.size / 2}, 21),
                           Random({positions, shape.size / 2}, 22),
                           {},
                           {},
                           kEps};
  if (shape.norms) form.q_gain = Random({shape.size}, 23);
  if (shape.norms) form.k_gain = Random({shape.size}, 24);
  return form;
}

// x [heads, T, size] in double, normed if there is a gain.
at::Tensor HeadsNormed(const at::Tensor& x, const at::Tensor& gain) {
  if (!gain.defined()) return x;
  return x / (x.square().mean(-1, true) + kEps).sqrt() * Exact(gain);
}

// The attention of whole sequences; of each run its own rows are kept.
at::Tensor Plain(const at::Tensor& qkv, const std::vector<PrefixRun>& runs, const Shape& shape,
                 const CachedAttentionForm& form) {
  const int64_t w = shape.heads.queries * shape.size, rows = qkv.size(0) / shape.paths;
  at::Tensor y = at::zeros({qkv.size(0), w}, at::kDouble);
  for (int64_t path = 0; path < shape.paths; ++path) {
    for (const PrefixRun& run : runs) {
      const auto index = at::tensor(SequenceOf(run), at::kLong) + path * rows;
      const int64_t T = index.size(0);
      const at::Tensor all =
          Exact(qkv.index_select(0, index)).view({T, -1, shape.size}).transpose(0, 1);
      const auto keys = [&](int64_t first) {
        return all.narrow(0, first, shape.heads.keys).repeat_interleave(shape.heads.group(), 0);
      };
      const at::Tensor parts[] = {all.narrow(0, 0, shape.heads.queries), keys(shape.heads.queries),
                                  keys(shape.heads.queries + shape.heads.keys)};
      const at::Tensor cos = Exact(form.cos).narrow(0, 0, T), sin = Exact(form.sin).narrow(0, 0, T);
      const at::Tensor q = HeadsNormed(Rotate(parts[0], cos, sin, shape.layout), form.q_gain),
                       k = HeadsNormed(Rotate(parts[1], cos, sin, shape.layout), form.k_gain);
      const at::Tensor seen = at::ones({T, T}, at::kBool).tril();
      const at::Tensor scores = at::where(
          seen, q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(shape.size)),
          at::full({}, -std::numeric_limits<double>::infinity(), at::kDouble));
      const at::Tensor mixed = scores.softmax(-1).matmul(parts[2]).transpose(0, 1).reshape({T, w});
      y.narrow(0, path * rows + run.first, run.count)
          .copy_(mixed.narrow(0, T - run.count, run.count));
    }
  }
  return y;
}

const Shape kShapes[] = {{3, 1, {2, 2}, 8, RopeLayout::kHalf, false},
                         {9, 2, {3, 3}, 6, RopeLayout::kInterleaved, false},
                         {70, 1, {1, 1}, 32, RopeLayout::kHalf, true},
                         {40, 1, {2, 2}, 10, RopeLayout::kInterleaved, true},
                         {17, 3, {1, 1}, 34, RopeLayout::kInterleaved, false},
                         {9, 2, {6, 2}, 6, RopeLayout::kHalf, false},
                         {40, 1, {4, 1}, 10, RopeLayout::kInterleaved, true}};

TEST_P(PrefixAttentionTest, ARowSeesItsSequenceAlone) {
  for (const Shape& shape : kShapes) {
    const int64_t rows = shape.trunk + kMoreRows,
                  columns = (shape.heads.queries + 2 * shape.heads.keys) * shape.size;
    const std::vector<PrefixRun> runs = Tree(shape.trunk);
    const at::Tensor qkv = Random({shape.paths * rows, columns}, 11);
    const CachedAttentionForm form = FormOf(shape, shape.trunk + kMoreRows);
    const at::Tensor y = PrefixAttention(qkv, runs, shape.paths, shape.heads, form);
    ExpectNear(y, Plain(qkv, runs, shape, form));
    at::set_num_threads(2);
    ExpectSameBits(PrefixAttention(qkv, runs, shape.paths, shape.heads, form), y);
    at::set_num_threads(1);
  }
}

TEST_P(PrefixAttentionTest, AHalfIsItsFormula) {
  for (const bool scaled : {false, true}) {
    for (const bool projected : {false, true}) {
      const Shape shape{12, 2, {2, 2}, 8, RopeLayout::kHalf, false};
      const int64_t rows = shape.trunk + kMoreRows, w = 16;
      const std::vector<PrefixRun> runs = Tree(shape.trunk);
      const CachedAttentionForm form = FormOf(shape, rows);
      const at::Tensor x = Random({2 * rows, w}, 31);
      const AttentionWeights weights{Random({2, w}, 32), Random({2, 3 * w, w}, 33, 0.3f),
                                     projected ? Random({2, w, w}, 34, 0.3f) : at::Tensor()};
      const at::Tensor scale = scaled ? at::full({1}, 0.7f) : at::Tensor();
      const at::Tensor y = PrefixAttentionHalf(x, weights, scale, runs, 2, shape.heads, form);
      const at::Tensor by_path = Exact(x).view({2, rows, w});
      const at::Tensor normed = by_path / (by_path.square().mean(-1, true) + kEps).sqrt() *
                                Exact(weights.gain).unsqueeze(1);
      const at::Tensor qkv = normed.bmm(Exact(weights.qkv).transpose(1, 2)).view({2 * rows, 3 * w});
      at::Tensor mixed = Plain(qkv, runs, shape, form).view({2, rows, w});
      if (projected) mixed = mixed.bmm(Exact(weights.o).transpose(1, 2));
      ExpectNear(y, (by_path + (scaled ? 0.7 : 1.0) * mixed).view({2 * rows, w}));
    }
  }
}

// What no backward pass needs is not kept; the bits are the same.
TEST_P(PrefixAttentionTest, AFeedForwardHalfWithoutGradientsHasTheBitsOfOneWithThem) {
  for (const bool scaled : {false, true}) {
    for (const int64_t paths : {1, 2}) {
      constexpr int64_t kRows = 77, kWidth = 20, kHidden = 24;  // more than a piece
      const at::Tensor x = Random({paths * kRows, kWidth}, 41).requires_grad_(true);
      const FeedForwardWeights weights{
          Random({paths, kWidth}, 42), Random({paths, 2 * kHidden, kWidth}, 43, 0.3f),
          Random({paths, kHidden}, 44), Random({paths, kWidth, kHidden}, 45, 0.3f)};
      const at::Tensor scale = scaled ? at::full({1}, 0.7f) : at::Tensor();
      const at::Tensor kept = FeedForwardHalf(x, weights, scale, kEps, Precision::kFp32);
      ASSERT_TRUE(kept.requires_grad());
      const at::NoGradGuard no_grad;
      ExpectSameBits(FeedForwardHalf(x, weights, scale, kEps, Precision::kFp32), kept);
    }
  }
}

}  // namespace
}  // namespace braid::trainer
