#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/passes.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Only the input is saved for the backward pass: computing the sigmoid again is faster than reading
// it.
class SwiGluFunction : public torch::autograd::Function<SwiGluFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& slopes) {
    const at::Tensor beta = slopes.has_value() ? slopes->contiguous() : at::Tensor();
    context->save_for_backward({x, beta});
    if (slopes.has_value()) context->saved_data["beta_shape"] = slopes->sizes();
    return GateForward(x, beta);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [dx, dbeta, y] = GateBackward(saved[0], saved[1], gradients[0].contiguous(), false);
    return {dx, dbeta.defined() ? dbeta.view(context->saved_data["beta_shape"].toIntVector())
                                : at::Tensor()};
  }
};

}  // namespace

at::Tensor SwiGlu(const at::Tensor& x, const at::Tensor& beta) {
  if (x.is_cpu()) {
    return SwiGluFunction::apply(x.contiguous(),
                                 beta.defined() ? std::optional(beta) : std::nullopt);
  }
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  if (!beta.defined()) return at::silu(halves[0]) * halves[1];
  const int64_t f = halves[0].size(1);
  const at::Tensor slope =
      (halves[0].reshape({beta.numel() / f, -1, f}) * beta.view({-1, 1, f})).view({-1, f});
  return halves[0] * at::sigmoid(slope) * halves[1];
}

}  // namespace braid::trainer
