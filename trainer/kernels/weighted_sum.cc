#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/row_dot.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class WeightedSumFunction : public torch::autograd::Function<WeightedSumFunction> {
 public:
  // `all` are the rows, and then as many weights.
  static at::Tensor forward(AutogradContext* context, at::TensorList all) {
    const size_t terms = all.size() / 2;
    at::Tensor y = at::empty(all.front().sizes(), all.front().options());
    float* out = Data(y);
    const int64_t w = y.size(1);
    Pieces{1, y.size(0)}.ForEach([&](int64_t, int64_t, int64_t first, int64_t count) {
      for (size_t k = 0; k < terms; ++k) {
        const float *x = Read(all[k]), *weights = Read(all[terms + k]);
        for (int64_t row = first; row < first + count; ++row) {
          const float weight = weights[row];
          const float* from = x + row * w;
          float* to = out + row * w;
          if (k == 0) {
            for (int64_t i = 0; i < w; ++i) to[i] = weight * from[i];
          } else {
            for (int64_t i = 0; i < w; ++i) to[i] += weight * from[i];
          }
        }
      }
    });
    context->save_for_backward(all.vec());
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list all = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const size_t terms = all.size() / 2;
    variable_list made(all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      if (context->needs_input_grad(i)) made[i] = at::empty(all[i].sizes(), all[i].options());
    }
    const float* dout = Read(dy);
    const int64_t w = dy.size(1);
    Pieces{1, dy.size(0)}.ForEach([&](int64_t, int64_t, int64_t first, int64_t count) {
      for (size_t k = 0; k < terms; ++k) {
        const float *x = Read(all[k]), *weights = Read(all[terms + k]);
        float *dx = Data(made[k]), *dweights = Data(made[terms + k]);
        for (int64_t row = first; row < first + count; ++row) {
          const float* from = dout + row * w;
          if (dweights != nullptr) dweights[row] = RowDot(from, x + row * w, w);
          if (dx == nullptr) continue;
          for (int64_t i = 0; i < w; ++i) dx[row * w + i] = weights[row] * from[i];
        }
      }
    });
    return made;
  }
};

}  // namespace

at::Tensor WeightedSum(const std::vector<at::Tensor>& rows,
                       const std::vector<at::Tensor>& weights) {
  if (rows.front().is_cpu()) {
    std::vector<at::Tensor> all;
    for (const at::Tensor& x : rows) all.push_back(x.contiguous());
    for (const at::Tensor& one : weights) all.push_back(one.contiguous());
    return WeightedSumFunction::apply(at::TensorList(all));
  }
  at::Tensor sum = weights.front() * rows.front();
  for (size_t k = 1; k < rows.size(); ++k) sum = sum + weights[k] * rows[k];
  return sum;
}

}  // namespace braid::trainer
