#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/parallel.h"
#include "trainer/kernels/passes.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Below this many rows of a path, packing its weights is not paid back.
constexpr int64_t kFewestRows = 32;

// gradient[ids[i]] += dy[i]. Every thread takes some columns of all rows, so that rows with the
// same id are added in their order.
void AddEmbeddingRows(const at::Tensor& dy, const at::Tensor& ids, int64_t pad,
                      at::Tensor* gradient) {
  const int64_t rows = dy.size(0), w = dy.size(1);
  const float* from = dy.const_data_ptr<float>();
  const int64_t* id = ids.const_data_ptr<int64_t>();
  float* to = gradient->mutable_data_ptr<float>();
  ParallelFor(0, w, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < rows; ++row) {
      if (id[row] == pad) continue;
      for (int64_t i = begin; i < end; ++i) to[id[row] * w + i] += from[row * w + i];
    }
  });
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            Precision precision) {
    context->save_for_backward({x, weight});
    SavePrecision(context, precision);
    return MapForward(x, weight, {}, precision);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    const Precision precision = SavedPrecision(*context);
    return {context->needs_input_grad(0) ? MapInputGradient(dy, saved[1], precision) : at::Tensor(),
            MapWeightGradient(*context, 1, saved[1], dy, saved[0], precision), at::Tensor()};
  }
};

class EmbeddingFunction : public torch::autograd::Function<EmbeddingFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight,
                            const at::Tensor& ids, int64_t pad) {
    context->save_for_backward({weight, ids});
    context->saved_data["pad"] = pad;
    return weight.index_select(0, ids);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& weight = saved[0];
    const at::Tensor dy = gradients[0].contiguous();
    // A gradient of the whole table would be a pass over all of it for a few of its rows.
    const bool in_place = weight.is_leaf() && weight.grad().defined();
    at::Tensor gradient = in_place ? weight.grad() : at::zeros(weight.sizes(), weight.options());
    AddEmbeddingRows(dy, saved[1], context->saved_data["pad"].toInt(), &gradient);
    return {in_place ? at::Tensor() : gradient, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool OwnProductsPay(const at::Tensor& x, int64_t paths, Precision precision) {
  return precision == Precision::kBf16 || (x.is_cpu() && x.size(0) / paths >= kFewestRows);
}

at::Tensor Linear(const at::Tensor& x, const at::Tensor& weight, Precision precision) {
  TORCH_CHECK(x.is_cpu() || precision == Precision::kFp32, "Linear: bf16 is of CPUs alone");
  const int64_t paths = weight.dim() == 3 ? weight.size(0) : 1;
  if (OwnProductsPay(x, paths, precision))
    return LinearFunction::apply(x.contiguous(), weight, precision);
  if (weight.dim() == 2) return at::linear(x, weight);
  return at::bmm(x.reshape({paths, -1, x.size(1)}), weight.transpose(1, 2))
      .view({-1, weight.size(1)});
}

at::Tensor Embedding(const at::Tensor& weight, const at::Tensor& ids, int64_t pad) {
  return weight.is_cpu() ? EmbeddingFunction::apply(weight, ids, pad)
                         : at::embedding(weight, ids, pad);
}

}  // namespace braid::trainer
