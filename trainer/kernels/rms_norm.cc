#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/passes.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& gain_view, double eps) {
    const at::Tensor gain = gain_view.contiguous();
    const auto [y, inverse] = NormForward(x, gain, eps);
    context->save_for_backward({x, gain, inverse});
    context->saved_data["gain_shape"] = gain_view.sizes();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [dx, dgain] = NormBackward(saved[0], saved[1], saved[2], gradients[0].contiguous(),
                                          {});
    return {dx, dgain.view(context->saved_data["gain_shape"].toIntVector()), at::Tensor()};
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
