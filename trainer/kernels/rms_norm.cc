#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Gradients of gains are summed over pieces of this many rows, then over the pieces in order.
constexpr int64_t kRowsPerPiece = 128;

class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain, double eps) {
    const int64_t rows = x.size(0), w = x.size(1);
    at::Tensor y = at::empty_like(x);
    at::Tensor inverse = at::empty({rows}, x.options());
    const float* in = x.const_data_ptr<float>();
    const float* g = gain.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    float* r = inverse.mutable_data_ptr<float>();
    at::parallel_for(0, rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* xr = in + row * w;
        float* yr = out + row * w;
        float sum = 0;
#pragma GCC ivdep
        for (int64_t i = 0; i < w; ++i) sum += xr[i] * xr[i];
        r[row] = 1.0f / std::sqrt(sum / static_cast<float>(w) + static_cast<float>(eps));
        for (int64_t i = 0; i < w; ++i) yr[i] = xr[i] * r[row] * g[i];
      }
    });
    context->save_for_backward({x, gain, inverse});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const int64_t rows = saved[0].size(0), w = saved[0].size(1);
    const int64_t pieces = (rows + kRowsPerPiece - 1) / kRowsPerPiece;
    at::Tensor dx = at::empty_like(saved[0]);
    at::Tensor partial = at::zeros({pieces, w}, dx.options());
    const float* x = saved[0].const_data_ptr<float>();
    const float* g = saved[1].const_data_ptr<float>();
    const float* r = saved[2].const_data_ptr<float>();
    const float* dout = dy.const_data_ptr<float>();
    float* din = dx.mutable_data_ptr<float>();
    float* sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        float* dg = sums + piece * w;
        for (int64_t row = piece * kRowsPerPiece; row < std::min(rows, (piece + 1) * kRowsPerPiece); ++row) {
          const float* xr = x + row * w;
          const float* dr = dout + row * w;
          float* out = din + row * w;
          float dot = 0;
#pragma GCC ivdep
          for (int64_t i = 0; i < w; ++i) dot += dr[i] * g[i] * xr[i];
          const float k = dot * r[row] * r[row] / static_cast<float>(w);
          for (int64_t i = 0; i < w; ++i) {
            dg[i] += dr[i] * xr[i] * r[row];
            out[i] = r[row] * (dr[i] * g[i] - xr[i] * k);
          }
        }
      }
    });
    return {dx, partial.sum(0), at::Tensor()};
  }
};

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& gain, double eps) {
  if (x.is_cpu()) return RmsNormFunction::apply(x.contiguous(), gain, eps);
  return x * (x.square().mean(-1, true) + eps).rsqrt() * gain;
}

}  // namespace braid::trainer
