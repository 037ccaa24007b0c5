#include "trainer/kernels/row_maps.h"

#include <ATen/ATen.h>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

// Columns of a map that a thread takes at least: twice as many as the kernel takes together.
constexpr int64_t kMapUnit = 8;
// Hidden units of a feed-forward that a thread takes at a time, so that the gate finds them in the
// cache.
constexpr int64_t kGateUnit = 32;
// Multiplications for which waking another thread pays.
constexpr int64_t kWorthAThread = 16384;

int64_t Grain(int64_t multiplications_of_one) {
  return std::max<int64_t>(1, kWorthAThread / std::max<int64_t>(1, multiplications_of_one));
}

// The distance of what belongs to two paths.
int64_t PathStride(const at::Tensor& of_paths) {
  return of_paths.defined() && of_paths.dim() == 2 ? of_paths.stride(0) : 0;
}

// Calls use(path, first column, columns) for the columns of all paths in pieces of whole units, on
// all threads.
template <typename Use>
void ForEachColumns(const LinearShape& shape, int64_t columns, int64_t unit, int64_t grain,
                    Use use) {
  const int64_t each = (columns + unit - 1) / unit;
  ParallelFor(0, shape.paths * each, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t path = begin / each, first = begin % each;
      const int64_t count = std::min(each - first, end - begin);
      use(path, first * unit, std::min(count * unit, columns - first * unit));
      begin += count;
    }
  });
}

// Rows of a path as a map takes them: themselves, or normed into memory of the calling thread.
// Every thread does this by itself, which is less than waiting for one that does it for all.
class NormedRows {
 public:
  NormedRows(const LinearShape& shape, const at::Tensor& x, const at::Tensor& gain, double eps)
      : shape_(shape), x_(Read(x)), gain_(Read(gain)), stride_(PathStride(gain)) {
    eps_ = static_cast<float>(eps);
  }

  const float* Of(int64_t path) const {
    const float* x = x_ + path * shape_.rows * shape_.in;
    if (gain_ == nullptr) return x;
    RmsNormOperands norm{};
    norm.x = x;
    norm.gain = gain_ + path * stride_;
    norm.rows = shape_.rows;
    norm.w = shape_.in;
    norm.eps = eps_;
    norm.y = ScratchFloats(Scratch::kRows, shape_.rows * (shape_.in + 1));
    norm.inverse = norm.y + shape_.rows * shape_.in;
    Simd().rms_norm(norm);
    return norm.y;
  }

 private:
  const LinearShape shape_;
  const float *x_, *gain_;
  const int64_t stride_;
  float eps_;
};

}  // namespace

at::Tensor MapRows(const at::Tensor& in, const at::Tensor& weight, const RowMap& map) {
  const at::Tensor x = in.contiguous(), more = map.add.defined() ? map.add.contiguous() : map.add;
  const LinearShape shape = ShapeOf(x.size(0), weight, Precision::kFp32);
  at::Tensor y = at::empty({x.size(0), shape.out}, x.options());
  const NormedRows rows(shape, x, map.gain, map.eps);
  const float *w = Read(weight), *add = Read(more);
  const float factor = map.scale.defined() ? *Read(map.scale) : 1.0f;
  float* out = Data(y);
  const int64_t stride = StrideOf(weight);
  ForEachColumns(shape, shape.out, kMapUnit, Grain(shape.rows * shape.in * kMapUnit),
                 [&](int64_t path, int64_t first, int64_t count) {
                   const int64_t at = path * shape.rows * shape.out + first;
                   Simd().dots({.a = rows.Of(path),
                                .rows = shape.rows,
                                .k = shape.in,
                                .columns = count,
                                .b = w + path * stride + first * shape.in,
                                .factor = factor,
                                .add = At(add, at),
                                .ld_add = shape.out,
                                .c = out + at,
                                .ldc = shape.out});
                 });
  return y;
}

at::Tensor GateRows(const at::Tensor& in, const FeedForwardWeights& weights, double eps) {
  const at::Tensor x = in.contiguous();
  const LinearShape shape = ShapeOf(x.size(0), weights.gate_up, Precision::kFp32);
  const int64_t f = shape.out / 2, rows = shape.rows;
  at::Tensor y = at::empty({x.size(0), f}, x.options());
  const NormedRows normed(shape, x, weights.gain, eps);
  const float *w = Read(weights.gate_up), *beta = Read(weights.beta);
  const int64_t stride = StrideOf(weights.gate_up), beta_stride = PathStride(weights.beta);
  float* out = Data(y);
  const auto piece = [&](int64_t path, int64_t first, int64_t count, const float* a) {
    float* hidden = ScratchFloats(Scratch::kMoreRows, rows * 3 * kGateUnit);
    float* gated = hidden + rows * 2 * count;
    for (const int64_t half : {0, 1}) {
      Simd().dots({.a = a,
                   .rows = rows,
                   .k = shape.in,
                   .columns = count,
                   .b = w + path * stride + (half * f + first) * shape.in,
                   .factor = 1.0f,
                   .add = nullptr,
                   .ld_add = 0,
                   .c = hidden + half * count,
                   .ldc = 2 * count});
    }
    SwiGluOperands gate{};
    gate.x = hidden;
    gate.beta = At(beta, path * beta_stride + first);
    gate.rows = rows;
    gate.f = count;
    gate.y = gated;
    Simd().swiglu(gate);
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(gated + row * count, count, out + (path * rows + row) * f + first);
  };
  ForEachColumns(shape, f, kGateUnit, Grain(2 * rows * shape.in * kGateUnit),
                 [&](int64_t path, int64_t first, int64_t count) {
                   const float* a = normed.Of(path);
                   for (int64_t done = 0; done < count; done += kGateUnit)
                     piece(path, first + done, std::min(kGateUnit, count - done), a);
                 });
  return y;
}

KeptKeys KeptKeys::Make(int64_t paths, int64_t sequences, const HeadCounts& heads, int64_t size,
                        int64_t capacity) {
  KeptKeys kept{paths, sequences, heads, size, capacity, {}, {}};
  const int64_t attentions = paths * sequences * heads.keys;
  // Whatever is in it: nothing is read that was not written, but for scores that do not count.
  kept.keys = at::empty({attentions, Padded(capacity) * size}, at::kFloat);
  kept.values = at::empty({attentions, capacity * Padded(size)}, at::kFloat);
  return kept;
}

at::Tensor CachedAttention(const at::Tensor& qkv_rows, const std::vector<NewRows>& read,
                           const CachedAttentionForm& form, KeptKeys* kept) {
  const at::Tensor qkv = qkv_rows.contiguous();
  const int64_t columns = qkv.size(1), size = kept->size, heads = kept->heads.keys,
                queries = kept->heads.group(), w = kept->heads.queries * size, half = size / 2,
                rows = qkv.size(0) / kept->paths, runs = std::ssize(read);
  at::Tensor y = at::empty({qkv.size(0), w}, qkv.options());
  AttentionOperands all{};
  all.ld = columns;
  all.queries = queries;
  all.size = size;
  all.width = w;
  all.interleaved = form.layout == RopeLayout::kInterleaved;
  all.q_gain = Read(form.q_gain);
  all.k_gain = Read(form.k_gain);
  all.eps = static_cast<float>(form.eps);
  const float *in = Read(qkv), *cos = Read(form.cos), *sin = Read(form.sin);
  float *out = Data(y), *keys = Data(kept->keys), *values = Data(kept->values);
  int64_t work = 0;
  for (const NewRows& run : read) work += run.count * (run.begin + run.count) * size * 2 * queries;
  const int64_t units = kept->paths * runs * heads;
  ParallelFor(0, units, Grain(work / runs), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t head = unit % heads, path = unit / heads / runs;
      const NewRows& run = read[static_cast<size_t>(unit / heads % runs)];
      const int64_t row = path * rows + run.first, last = run.begin + run.count - 1,
                    place = (path * kept->sequences + run.sequence) * heads + head,
                    query = head * queries * size;
      CachedAttentionOperands one{all, run.begin, kept->capacity, nullptr, nullptr};
      one.keys = keys + place * Padded(kept->capacity) * size;
      one.values = values + place * kept->capacity * Padded(size);
      one.rows.sequence = run.count;
      one.rows.q = in + row * columns + query;
      one.rows.k = in + row * columns + w + head * size;
      one.rows.v = one.rows.k + heads * size;
      one.rows.out = out + row * w + query;
      one.rows.cos = cos + run.begin * half;
      one.rows.sin = sin + run.begin * half;
      one.rows.scratch = ScratchFloats(Scratch::kAttention,
                                       Simd().cached_scratch(run.count, last, size));
      Simd().cached_attention(one);
    }
  });
  return y;
}

}  // namespace braid::trainer
