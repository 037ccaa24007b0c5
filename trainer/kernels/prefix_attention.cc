#include "trainer/kernels/prefix_attention.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

// Multiplications for which waking another thread pays.
constexpr int64_t kPrefixGrain = 16384;

// One head of one run. `all` has what is the same for all; qkv and out are of the head in the first
// row of the path.
class RunOfHead {
 public:
  RunOfHead(const AttentionOperands& all, const PrefixRun& run, const float* qkv, float* out)
      : o_(all), run_(run), qkv_(qkv), out_(out), before_(std::ssize(run.before)) {
    o_.sequence = before_ + run.count;
    o_.first = before_;
  }

  void Attend() {
    const int64_t T = o_.sequence, kernel = Simd().attention_scratch(T, o_.size), w = o_.width,
                  size = o_.size;
    float* memory = ScratchFloats(Scratch::kAttention, kernel + T * (4 * size + 2));
    o_.scratch = memory;
    o_.maxima = memory + kernel;
    o_.inverse = o_.maxima + T;
    if (before_ == 0) {
      o_.qkv = qkv_ + run_.first * 3 * w;
      o_.out = out_ + run_.first * w;
      return Simd().attention(o_);
    }
    // The kernel wants the rows of a sequence at equal distances: copied, they are.
    float *rows = o_.inverse + T, *results = rows + T * 3 * size;
    for (int64_t t = 0; t < T; ++t) {
      const float* from = qkv_ + RowOf(t) * 3 * w;
      for (int64_t part = 0; part < 3; ++part)
        std::copy_n(from + part * w, size, rows + (3 * t + part) * size);
    }
    o_.qkv = rows;
    o_.out = results;
    o_.width = size;
    Simd().attention(o_);
    for (int64_t t = before_; t < T; ++t)
      std::copy_n(results + t * size, size, out_ + RowOf(t) * w);
  }

 private:
  int64_t RowOf(int64_t t) const {
    return t < before_ ? run_.before[static_cast<size_t>(t)] : run_.first + t - before_;
  }

  AttentionOperands o_;
  const PrefixRun& run_;
  const float* const qkv_;
  float* const out_;
  const int64_t before_;
};

}  // namespace

at::Tensor PrefixAttention(const at::Tensor& qkv_rows, const std::vector<PrefixRun>& runs,
                           int64_t paths, int64_t heads, const CachedAttentionForm& form) {
  const at::Tensor qkv = qkv_rows.contiguous();
  const int64_t w = qkv.size(1) / 3, size = w / heads, rows = qkv.size(0) / paths,
                count = std::ssize(runs);
  at::Tensor y = at::empty({qkv.size(0), w}, qkv.options());
  AttentionOperands all{};
  all.size = size;
  all.width = w;
  all.cos = Read(form.cos);
  all.sin = Read(form.sin);
  all.interleaved = form.layout == RopeLayout::kInterleaved;
  all.q_gain = Read(form.q_gain);
  all.k_gain = Read(form.k_gain);
  all.eps = static_cast<float>(form.eps);
  const float* in = Read(qkv);
  float* out = Data(y);
  int64_t work = 0;
  for (const PrefixRun& run : runs)
    work += 2 * run.count * (std::ssize(run.before) + run.count) * size;
  const int64_t grain = std::max<int64_t>(1, kPrefixGrain * count / std::max<int64_t>(1, work));
  ParallelFor(0, paths * count * heads, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t head = unit % heads, path = unit / heads / count;
      const PrefixRun& run = runs[static_cast<size_t>(unit / heads % count)];
      RunOfHead(all, run, in + path * rows * 3 * w + head * size,
                out + path * rows * w + head * size)
          .Attend();
    }
  });
  return y;
}

at::Tensor PrefixAttentionHalf(const at::Tensor& in, const AttentionWeights& weights,
                               const at::Tensor& scale, const std::vector<PrefixRun>& runs,
                               int64_t paths, int64_t heads, const CachedAttentionForm& form) {
  const at::Tensor x = in.contiguous();
  const at::Tensor qkv = NormMapForward(x, weights.gain.contiguous(), weights.qkv, form.eps).y;
  const at::Tensor mixed = PrefixAttention(qkv, runs, paths, heads, form);
  if (scale.defined()) {
    return at::addcmul(x, weights.o.defined() ? MapForward(mixed, weights.o, {}) : mixed, scale);
  }
  return weights.o.defined() ? MapForward(mixed, weights.o, x) : x + mixed;
}

}  // namespace braid::trainer
