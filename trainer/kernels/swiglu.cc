#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels/exp.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kGateRows = 64;

[[gnu::always_inline]] inline float Sigmoid(float x) {
  return 1.0f / (1.0f + Exp(-x));
}

// Only the input is saved for the backward pass: computing the sigmoid again is faster than reading
// it.
class SwiGluFunction : public torch::autograd::Function<SwiGluFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    const int64_t f = x.size(1) / 2;
    at::Tensor y = at::empty({x.size(0), f}, x.options());
    const float* in = x.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    at::parallel_for(0, x.size(0), kGateRows, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* a = in + row * 2 * f;
        const float* b = a + f;
        float* yr = out + row * f;
#pragma GCC ivdep
        for (int64_t i = 0; i < f; ++i) yr[i] = a[i] * Sigmoid(a[i]) * b[i];
      }
    });
    context->save_for_backward({x});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const int64_t rows = saved[0].size(0), f = saved[0].size(1) / 2;
    at::Tensor dx = at::empty_like(saved[0]);
    const float* x = saved[0].const_data_ptr<float>();
    const float* d = dy.const_data_ptr<float>();
    float* out = dx.mutable_data_ptr<float>();
    at::parallel_for(0, rows, kGateRows, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* a = x + row * 2 * f;
        const float* b = a + f;
        const float* dr = d + row * f;
        float* da = out + row * 2 * f;
        float* db = da + f;
#pragma GCC ivdep
        for (int64_t i = 0; i < f; ++i) {
          const float sigmoid = Sigmoid(a[i]);
          const float silu = a[i] * sigmoid;
          da[i] = dr[i] * b[i] * (sigmoid + silu * (1.0f - sigmoid));
          db[i] = dr[i] * silu;
        }
      }
    });
    return {dx};
  }
};

// The same with learned slopes beta [parts, f], one row for each of `parts` blocks of rows. The
// gradient of beta is summed over pieces of rows, then over the pieces in their order, as that of
// gains in rms_norm.cc.
class BetaSwiGluFunction : public torch::autograd::Function<BetaSwiGluFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& beta_view) {
    const at::Tensor beta = beta_view.contiguous();
    const int64_t f = x.size(1) / 2, rows = x.size(0) * f / beta.numel();
    at::Tensor y = at::empty({x.size(0), f}, x.options());
    const float* in = x.const_data_ptr<float>();
    const float* betas = beta.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    at::parallel_for(0, x.size(0), kGateRows, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* a = in + row * 2 * f;
        const float* b = a + f;
        const float* slope = betas + row / rows * f;
        float* yr = out + row * f;
#pragma GCC ivdep
        for (int64_t i = 0; i < f; ++i) yr[i] = a[i] * Sigmoid(slope[i] * a[i]) * b[i];
      }
    });
    context->save_for_backward({x, beta});
    context->saved_data["beta_shape"] = beta_view.sizes();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const int64_t f = saved[0].size(1) / 2, parts = saved[1].numel() / f,
                  rows = saved[0].size(0) / parts;
    const int64_t pieces = (rows + kGateRows - 1) / kGateRows;
    at::Tensor dx = at::empty_like(saved[0]);
    at::Tensor partial = at::zeros({parts, pieces, f}, dx.options());
    const float* x = saved[0].const_data_ptr<float>();
    const float* betas = saved[1].const_data_ptr<float>();
    const float* d = dy.const_data_ptr<float>();
    float* out = dx.mutable_data_ptr<float>();
    float* sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, parts * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t part = piece / pieces, first = piece % pieces * kGateRows;
        for (int64_t i = first; i < std::min(rows, first + kGateRows); ++i) {
          const int64_t row = part * rows + i;
          Row(x + row * 2 * f, betas + part * f, d + row * f, f, out + row * 2 * f,
              sums + piece * f);
        }
      }
    });
    return {dx, partial.sum(1).view(context->saved_data["beta_shape"].toIntVector())};
  }

 private:
  static void Row(const float* a, const float* beta, const float* dy, int64_t f, float* da,
                  float* dbeta) {
    const float* b = a + f;
    float* db = da + f;
#pragma GCC ivdep
    for (int64_t i = 0; i < f; ++i) {
      const float sigmoid = Sigmoid(beta[i] * a[i]);
      // The derivative of a sigmoid(beta a) is sigmoid + beta slope by a, and a slope by beta.
      const float slope = a[i] * sigmoid * (1.0f - sigmoid);
      da[i] = dy[i] * b[i] * (sigmoid + beta[i] * slope);
      db[i] = dy[i] * a[i] * sigmoid;
      dbeta[i] += dy[i] * b[i] * a[i] * slope;
    }
  }
};

}  // namespace

at::Tensor SwiGlu(const at::Tensor& x, const at::Tensor& beta) {
  if (x.is_cpu())
    return beta.defined() ? BetaSwiGluFunction::apply(x.contiguous(), beta)
                          : SwiGluFunction::apply(x.contiguous());
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  if (!beta.defined()) return at::silu(halves[0]) * halves[1];
  const int64_t f = halves[0].size(1);
  const at::Tensor slope =
      (halves[0].reshape({beta.numel() / f, -1, f}) * beta.view({-1, 1, f})).view({-1, f});
  return halves[0] * at::sigmoid(slope) * halves[1];
}

}  // namespace braid::trainer
