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

// The query heads that share a head of keys, of one run. `at` has what is the same for all runs,
// and its pointers are to the heads in the first row of the path.
class RunOfHeads {
 public:
  RunOfHeads(const AttentionOperands& at, const PrefixRun& run)
      : at_(at), o_(at), run_(run), before_(std::ssize(run.before)) {
    o_.sequence = before_ + run.count;
    o_.first = before_;
  }

  void Attend() {
    const int64_t T = o_.sequence, kernel = Simd().attention_scratch(T, o_.size), size = o_.size,
                  group = o_.queries * size, columns = group + 2 * size;
    float* memory = ScratchFloats(Scratch::kAttention,
                                  kernel + T * (columns + group + 2 * o_.queries));
    o_.scratch = memory;
    o_.maxima = memory + kernel;
    o_.inverse = o_.maxima + T * o_.queries;
    if (before_ == 0) {
      const int64_t skip = run_.first * at_.ld;
      o_.q += skip;
      o_.k += skip;
      o_.v += skip;
      o_.out += run_.first * at_.width;
      return Simd().attention(o_);
    }
    // The kernel wants the rows of a sequence at equal distances: copied, they are.
    float *rows = o_.inverse + T * o_.queries, *results = rows + T * columns;
    for (int64_t t = 0; t < T; ++t) {
      const int64_t from = RowOf(t) * at_.ld;
      float* to = std::copy_n(at_.q + from, group, rows + t * columns);
      to = std::copy_n(at_.k + from, size, to);
      std::copy_n(at_.v + from, size, to);
    }
    o_.q = rows;
    o_.k = rows + group;
    o_.v = o_.k + size;
    o_.ld = columns;
    o_.out = results;
    o_.width = group;
    Simd().attention(o_);
    for (int64_t t = before_; t < T; ++t)
      std::copy_n(results + t * group, group, at_.out + RowOf(t) * at_.width);
  }

 private:
  int64_t RowOf(int64_t t) const {
    return t < before_ ? run_.before[static_cast<size_t>(t)] : run_.first + t - before_;
  }

  const AttentionOperands& at_;
  AttentionOperands o_;
  const PrefixRun& run_;
  const int64_t before_;
};

}  // namespace

at::Tensor PrefixAttention(const at::Tensor& qkv_rows, const std::vector<PrefixRun>& runs,
                           int64_t paths, const HeadCounts& heads,
                           const CachedAttentionForm& form) {
  const at::Tensor qkv = qkv_rows.contiguous();
  const int64_t columns = qkv.size(1), size = heads.SizeOf(columns), w = heads.queries * size,
                rows = qkv.size(0) / paths, count = std::ssize(runs);
  at::Tensor y = at::empty({qkv.size(0), w}, qkv.options());
  AttentionOperands all{};
  all.ld = columns;
  all.queries = heads.group();
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
    work += 2 * run.count * (std::ssize(run.before) + run.count) * size * heads.group();
  const int64_t grain = std::max<int64_t>(1, kPrefixGrain * count / std::max<int64_t>(1, work));
  ParallelFor(0, paths * count * heads.keys, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t head = unit % heads.keys, path = unit / heads.keys / count,
                    query = head * heads.group() * size;
      AttentionOperands one = all;
      one.q = in + path * rows * columns + query;
      one.k = in + path * rows * columns + w + head * size;
      one.v = one.k + heads.keys * size;
      one.out = out + path * rows * w + query;
      RunOfHeads(one, runs[static_cast<size_t>(unit / heads.keys % count)]).Attend();
    }
  });
  return y;
}

at::Tensor PrefixAttentionHalf(const at::Tensor& in, const AttentionWeights& weights,
                               const at::Tensor& scale, const std::vector<PrefixRun>& runs,
                               int64_t paths, const HeadCounts& heads,
                               const CachedAttentionForm& form) {
  const at::Tensor x = in.contiguous();
  const at::Tensor qkv =
      NormMapForward(x, weights.gain.contiguous(), weights.qkv, form.eps, Precision::kFp32).y;
  const at::Tensor mixed = PrefixAttention(qkv, runs, paths, heads, form);
  if (scale.defined()) {
    return at::addcmul(
        x, weights.o.defined() ? MapForward(mixed, weights.o, {}, Precision::kFp32) : mixed, scale);
  }
  return weights.o.defined() ? MapForward(mixed, weights.o, x, Precision::kFp32) : x + mixed;
}

}  // namespace braid::trainer
