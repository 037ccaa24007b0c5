#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels/exp.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kRowsPerPiece = 64;

inline float Sigmoid(float x) { return 1.0f / (1.0f + Exp(-x)); }

// Only the input is kept: the sigmoid is cheaper to compute again than to read.
class SwiGluFunction : public torch::autograd::Function<SwiGluFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    const int64_t f = x.size(1) / 2;
    at::Tensor y = at::empty({x.size(0), f}, x.options());
    const float* in = x.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    at::parallel_for(0, x.size(0), kRowsPerPiece, [&](int64_t begin, int64_t end) {
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
    at::parallel_for(0, rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
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

}  // namespace

at::Tensor SwiGlu(const at::Tensor& x) {
  if (x.is_cpu()) return SwiGluFunction::apply(x.contiguous());
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace braid::trainer
