#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Gradients of gains are summed over pieces of this many rows, then over the pieces in their order.
// Fixed pieces give the same bits with any number of threads.
constexpr int64_t kGainRows = 128;

// x consists of `parts` blocks of `rows` rows of w elements; each block has its own gain.
struct GainShape {
  int64_t parts, rows, w;
  GainShape(const at::Tensor& x, const at::Tensor& gain)
      : parts(gain.numel() / x.size(1)), rows(x.size(0) / parts), w(x.size(1)) {}
  int64_t pieces() const { return (rows + kGainRows - 1) / kGainRows; }
};

class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& gain_view, double eps) {
    const GainShape shape(x, gain_view);
    const int64_t w = shape.w;
    const at::Tensor gain = gain_view.contiguous();
    at::Tensor y = at::empty_like(x);
    at::Tensor inverse = at::empty({x.size(0)}, x.options());
    const float* in = x.const_data_ptr<float>();
    const float* gains = gain.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    float* r = inverse.mutable_data_ptr<float>();
    at::parallel_for(0, x.size(0), kGainRows, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* xr = in + row * w;
        const float* g = gains + row / shape.rows * w;
        float* yr = out + row * w;
        float sum = 0;
#pragma GCC ivdep
        for (int64_t i = 0; i < w; ++i) sum += xr[i] * xr[i];
        r[row] = 1.0f / std::sqrt(sum / static_cast<float>(w) + static_cast<float>(eps));
        for (int64_t i = 0; i < w; ++i) yr[i] = xr[i] * r[row] * g[i];
      }
    });
    context->save_for_backward({x, gain, inverse});
    context->saved_data["gain_shape"] = gain_view.sizes();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const GainShape shape(saved[0], saved[1]);
    const int64_t w = shape.w;
    at::Tensor dx = at::empty_like(saved[0]);
    at::Tensor partial = at::zeros({shape.parts, shape.pieces(), w}, dx.options());
    const float* x = saved[0].const_data_ptr<float>();
    const float* gains = saved[1].const_data_ptr<float>();
    const float* r = saved[2].const_data_ptr<float>();
    const float* dout = dy.const_data_ptr<float>();
    float* din = dx.mutable_data_ptr<float>();
    float* sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, shape.parts * shape.pieces(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t part = piece / shape.pieces(), inside = piece % shape.pieces() * kGainRows;
        const float* g = gains + part * w;
        float* dg = sums + piece * w;
        for (int64_t i = inside; i < std::min(shape.rows, inside + kGainRows); ++i) {
          const int64_t row = part * shape.rows + i;
          Row(x + row * w, g, r[row], dout + row * w, w, din + row * w, dg);
        }
      }
    });
    return {dx, partial.sum(1).view(context->saved_data["gain_shape"].toIntVector()), at::Tensor()};
  }

 private:
  // The gradients of one row: dx is written, dg is added to.
  static void Row(const float* x, const float* g, float r, const float* dy, int64_t w, float* dx,
                  float* dg) {
    float dot = 0;
#pragma GCC ivdep
    for (int64_t i = 0; i < w; ++i) dot += dy[i] * g[i] * x[i];
    const float k = dot * r * r / static_cast<float>(w);
#pragma GCC ivdep
    for (int64_t i = 0; i < w; ++i) {
      dg[i] += dy[i] * x[i] * r;
      dx[i] = r * (dy[i] * g[i] - x[i] * k);
    }
  }
};

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& gain, double eps) {
  if (x.is_cpu()) return RmsNormFunction::apply(x.contiguous(), gain, eps);
  const int64_t w = x.size(1);
  const at::Tensor normed = x * (x.square().mean(-1, true) + eps).rsqrt();
  return (normed.view({gain.numel() / w, -1, w}) * gain.view({-1, 1, w})).view({-1, w});
}

}  // namespace braid::trainer
