// Maps and attention of rows that are read, against the plain formulas in double precision, and
// what a row gives alone and beside others.
#include "trainer/kernels/row_maps.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
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

// Every test runs with every instruction set that this machine has, and with sixteen lanes without
// one.
class RowMapsTest : public ::testing::TestWithParam<const SimdKernels*> {
 private:
  const ScopedSimd simd_{*GetParam()};
};
std::string NameOf(const ::testing::TestParamInfo<const SimdKernels*>& info) {
  return info.param->name;
}
INSTANTIATE_TEST_SUITE_P(Isa, RowMapsTest, ::testing::ValuesIn(TestedSimdKernels()), NameOf);

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
  const at::Tensor x = a.contiguous(), y = b.contiguous();
  EXPECT_EQ(std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()), 0);
}

// x [paths, rows, w] with a gain for each path.
at::Tensor Normed(const at::Tensor& x, const at::Tensor& gain) {
  return x / (x.square().mean(-1, true) + kEps).sqrt() * gain.unsqueeze(1);
}

// Maps of paths that lie apart, as in a network's buffers.
at::Tensor Apart(at::IntArrayRef shape, uint64_t seed) {
  const at::Tensor all = Random({shape[0], 2 * shape[1] + 3, shape[2]}, seed, 0.3f);
  return all.narrow(1, 2, shape[1]);
}

TEST_P(RowMapsTest, AMapIsItsProduct) {
  // Fewer and more rows than are taken together, and than stay in a cache; lengths of a dot product
  // with and without an end; columns that fill a unit and do not.
  for (const auto& [rows, in, out] : {std::tuple{1, 64, 40},
                                      {1, 37, 67},
                                      {1, 3, 1},
                                      {2, 16, 8},
                                      {3, 20, 9},
                                      {7, 300, 13},
                                      {33, 129, 21},
                                      {150, 1030, 19}}) {
    const at::Tensor x = Random({rows, in}, 1), weight = Random({out, in}, 2);
    ExpectNear(MapRows(x, weight), at::linear(Exact(x), Exact(weight)));
  }
}

TEST_P(RowMapsTest, AMapNormsScalesAndAdds) {
  for (const int64_t rows : {1, 6}) {
    const at::Tensor x = Random({3 * rows, 45}, 3), gain = Apart({3, 1, 45}, 4).select(1, 0),
                     weight = Apart({3, 30, 45}, 5), add = Random({3 * rows, 30}, 6),
                     scale = at::full({1}, 0.7f);
    const at::Tensor product = at::bmm(Normed(Exact(x).view({3, rows, 45}), Exact(gain)),
                                       Exact(weight).transpose(1, 2));
    ExpectNear(MapRows(x, weight, {.gain = gain, .eps = kEps, .add = add, .scale = scale}),
               Exact(add) + Exact(scale) * product.reshape({3 * rows, 30}));
    ExpectNear(MapRows(x, weight, {.gain = gain, .eps = kEps}), product.reshape({3 * rows, 30}));
  }
}

TEST_P(RowMapsTest, AGateIsItsFormula) {
  for (const auto& [rows, f] : {std::tuple{1, 70}, {1, 8}, {5, 70}, {40, 33}}) {
    for (const bool slopes : {false, true}) {
      const at::Tensor x = Random({2 * rows, 24}, 7), gain = Random({2, 24}, 8),
                       gate_up = Apart({2, 2 * f, 24}, 9);
      const at::Tensor beta = slopes ? Random({2, f}, 10) : at::Tensor();
      const at::Tensor hidden = at::bmm(Normed(Exact(x).view({2, rows, 24}), Exact(gain)),
                                        Exact(gate_up).transpose(1, 2));
      const at::Tensor a = hidden.narrow(2, 0, f), b = hidden.narrow(2, f, f);
      const at::Tensor slope = slopes ? Exact(beta).unsqueeze(1) * a : a;
      ExpectNear(GateRows(x, {gain, gate_up, beta, {}}, kEps),
                 (a * at::sigmoid(slope) * b).reshape({2 * rows, f}));
    }
  }
}

TEST_P(RowMapsTest, ARowGivesTheSameBitsAloneAndBesideOthers) {
  const at::Tensor gain = Random({90}, 11), weight = Random({50, 90}, 12), beta = Random({25}, 13);
  const FeedForwardWeights gate{gain, weight, beta, {}};
  for (const int64_t rows : {2, 3, 8, 300, 370}) {  // beyond 364 they are taken in two parts
    const at::Tensor x = Random({rows, 90}, 14), add = Random({rows, 50}, 15);
    const at::Tensor all = MapRows(x, weight, {.gain = gain, .eps = kEps, .add = add}),
                     gated = GateRows(x, gate, kEps);
    for (const int64_t row : {int64_t{0}, rows / 2, rows - 1}) {
      const at::Tensor one = x.narrow(0, row, 1);
      ExpectSameBits(
          all.narrow(0, row, 1),
          MapRows(one, weight, {.gain = gain, .eps = kEps, .add = add.narrow(0, row, 1)}));
      ExpectSameBits(gated.narrow(0, row, 1), GateRows(one, gate, kEps));
    }
  }
}

// The angles of rotary positions, [positions, size / 2].
at::Tensor Angles(int64_t positions, int64_t size) {
  at::Tensor angle = at::empty({positions, size / 2}, at::kDouble);
  for (int64_t t = 0; t < positions; ++t) {
    for (int64_t i = 0; i < size / 2; ++i) {
      angle.mutable_data_ptr<double>()[t * (size / 2) + i] =
          static_cast<double>(t) *
          std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(size));
    }
  }
  return angle;
}

// Two paths of sequences that are read in pieces.
struct Case {
  HeadCounts heads;
  int64_t size;
  RopeLayout layout;
  bool norms;
};

class Reader {
 public:
  Reader(const Case& kind, std::vector<int64_t> lengths)
      : kind_(kind), lengths_(std::move(lengths)), w_(kind.heads.queries * kind.size) {
    for (size_t s = 0; s < lengths_.size(); ++s) {
      for (const uint64_t path : {0, 1})
        qkv_.push_back(
            Random({lengths_[s], w_ + 2 * kind.heads.keys * kind.size}, 20 + 2 * s + path));
    }
    const at::Tensor angle = Angles(64, kind.size);
    form_ = {kind.layout, angle.cos().to(at::kFloat), angle.sin().to(at::kFloat), {}, {}, kEps};
    if (kind.norms) {
      form_.q_gain = Random({kind.size}, 18);
      form_.k_gain = Random({kind.size}, 19);
    }
  }

  // What all sequences give, path by path, if in each pass so many tokens of each are read as
  // `pieces` says of it.
  std::vector<at::Tensor> Read(const std::vector<std::vector<int64_t>>& pieces) const {
    KeptKeys kept = KeptKeys::Make(2, std::ssize(lengths_), kind_.heads, kind_.size, 41);
    // Whatever was in this memory.
    kept.keys.fill_(std::numeric_limits<float>::quiet_NaN());
    kept.values.fill_(std::numeric_limits<float>::quiet_NaN());
    std::vector<std::vector<at::Tensor>> outputs(qkv_.size());
    std::vector<int64_t> before(lengths_.size());
    for (const std::vector<int64_t>& pass : pieces) {
      std::vector<NewRows> read;
      std::vector<at::Tensor> rows[2];
      int64_t count = 0;
      for (size_t s = 0; s < pass.size(); ++s) {
        if (pass[s] == 0) continue;
        read.push_back({static_cast<int64_t>(s), before[s], count, pass[s]});
        count += pass[s];
        for (const size_t path : {0, 1})
          rows[path].push_back(qkv_[2 * s + path].narrow(0, before[s], pass[s]));
        before[s] += pass[s];
      }
      const at::Tensor out = CachedAttention(at::cat({at::cat(rows[0]), at::cat(rows[1])}), read,
                                             form_, &kept);
      for (const NewRows& one : read) {
        for (const int64_t path : {0, 1}) {
          outputs[static_cast<size_t>(2 * one.sequence + path)].push_back(
              out.narrow(0, path * count + one.first, one.count));
        }
      }
    }
    std::vector<at::Tensor> all;
    for (const auto& parts : outputs) all.push_back(at::cat(parts));
    return all;
  }

  // The same of sequence `s` and `path`, by the formula.
  at::Tensor Formula(size_t s, size_t path) const {
    const int64_t T = lengths_[s], size = kind_.size;
    const HeadCounts& heads = kind_.heads;
    const at::Tensor all = Exact(qkv_[2 * s + path]).view({T, -1, size}).transpose(0, 1);
    const auto keys = [&](int64_t first) {
      return all.narrow(0, first, heads.keys).repeat_interleave(heads.group(), 0);
    };
    const at::Tensor parts[] = {all.narrow(0, 0, heads.queries), keys(heads.queries),
                                keys(heads.queries + heads.keys)};
    const at::Tensor angle = Angles(T, size);
    const auto turn = [&](const at::Tensor& x, const at::Tensor& gain) {
      const at::Tensor y = Rotate(x, angle.cos(), angle.sin(), kind_.layout);
      if (!gain.defined()) return y;
      return y / (y.square().mean(-1, true) + kEps).sqrt() * Exact(gain);
    };
    const at::Tensor scores = at::matmul(turn(parts[0], form_.q_gain),
                                         turn(parts[1], form_.k_gain).transpose(-1, -2)) /
                              std::sqrt(static_cast<double>(size));
    const at::Tensor later = at::ones({T, T}, at::kBool).triu(1);
    const at::Tensor weights =
        scores.masked_fill(later, -std::numeric_limits<double>::infinity()).softmax(-1);
    return at::matmul(weights, parts[2]).transpose(0, 1).reshape({T, w_});
  }

 private:
  const Case kind_;
  const std::vector<int64_t> lengths_;
  const int64_t w_;
  std::vector<at::Tensor> qkv_;  // of each sequence and path
  CachedAttentionForm form_;
};

TEST_P(RowMapsTest, CachedAttentionIsItsFormulaHoweverItIsRead) {
  for (const Case& kind : {Case{{3, 3}, 8, RopeLayout::kHalf, false},
                           {{2, 2}, 32, RopeLayout::kInterleaved, false},
                           {{2, 2}, 12, RopeLayout::kHalf, true},
                           {{1, 1}, 40, RopeLayout::kInterleaved, true},
                           {{6, 2}, 8, RopeLayout::kHalf, false},
                           {{4, 1}, 12, RopeLayout::kInterleaved, true}}) {
    const Reader reader(kind, {41, 5, 12});
    const std::vector<at::Tensor> whole = reader.Read({{41, 5, 12}});
    for (const size_t s : {0, 1, 2}) {
      for (const size_t path : {0, 1}) ExpectNear(whole[2 * s + path], reader.Formula(s, path));
    }
    // In pieces, and without the middle one for a while.
    std::vector<std::vector<int64_t>> pieces{{17, 1, 4}, {3, 0, 1}};
    for (int64_t i = 0; i < 21; ++i) pieces.push_back({1, i < 4, i >= 14});
    const std::vector<at::Tensor> later = reader.Read(pieces);
    for (size_t i = 0; i < whole.size(); ++i) ExpectSameBits(whole[i], later[i]);
  }
}

TEST_P(RowMapsTest, TheNumberOfThreadsChangesNoBit) {
  const int before = at::get_num_threads();
  const at::Tensor x = Random({2, 512}, 30), gain = Random({512}, 31),
                   weight = Random({300, 512}, 32);
  const Reader reader({{8, 4}, 32, RopeLayout::kHalf, false}, {41, 30});
  const auto all = [&](int threads) {
    at::set_num_threads(threads);
    std::vector<at::Tensor> results = reader.Read({{40, 29}, {1, 1}});
    results.push_back(MapRows(x, weight, {.gain = gain, .eps = kEps}));
    results.push_back(GateRows(x, {gain, weight, {}, {}}, kEps));
    return results;
  };
  const std::vector<at::Tensor> one = all(1), three = all(3);
  at::set_num_threads(before);
  for (size_t i = 0; i < one.size(); ++i) ExpectSameBits(one[i], three[i]);
}

}  // namespace
}  // namespace braid::trainer
