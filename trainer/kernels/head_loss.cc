#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/functions.h"
#include "trainer/kernels/head_loss_cpu.h"

namespace braid::trainer {
namespace {

// Rows whose logits are in memory at once.
constexpr int64_t kRowsCuda = 512;

double HeadLossCuda(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                    double scale, at::Tensor* hidden_gradient, at::Tensor* head_gradient,
                    at::Tensor* row_losses) {
  const int64_t rows = hidden.size(0), vocab = head.size(0);
  const int64_t chunk = std::min(rows, kRowsCuda);
  at::Tensor buffer = at::empty({chunk, vocab}, hidden.options());
  at::Tensor losses = at::empty({rows}, hidden.options());
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    const at::Tensor x = hidden.narrow(0, begin, count);
    at::Tensor logits = buffer.narrow(0, 0, count);
    at::mm_out(logits, x, head.t());
    CudaPlugin()->softmax_loss(logits.mutable_data_ptr<float>(),
                               labels.const_data_ptr<int64_t>() + begin,
                               losses.mutable_data_ptr<float>() + begin, count, vocab,
                               static_cast<float>(scale), hidden_gradient != nullptr);
    if (hidden_gradient == nullptr) continue;
    at::Tensor dx = hidden_gradient->narrow(0, begin, count);
    at::mm_out(dx, logits, head);
    head_gradient->addmm_(logits.t(), x);
  }
  if (row_losses != nullptr) row_losses->copy_(losses);
  // Summed in double: a float sum over many rows would lose digits.
  return losses.to(at::kDouble).sum().item<double>();
}

}  // namespace

double HeadLoss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                double scale, Precision precision, at::Tensor* hidden_gradient,
                at::Tensor* head_gradient, at::Tensor* losses) {
  TORCH_CHECK(hidden.is_cpu() || precision == Precision::kFp32, "HeadLoss: bf16 is of CPUs alone");
  const at::NoGradGuard no_grad;
  if (hidden_gradient != nullptr) *hidden_gradient = at::empty(hidden.sizes(), hidden.options());
  if (losses != nullptr) *losses = at::zeros({hidden.size(0)}, at::kFloat);
  if (hidden.is_cuda())
    return HeadLossCuda(hidden, head, labels, scale, hidden_gradient, head_gradient, losses);
  const at::Tensor rows = hidden.contiguous();
  return HeadLossCpu(
      {.hidden = rows.const_data_ptr<float>(),
       .head = head.const_data_ptr<float>(),
       .labels = labels.const_data_ptr<int64_t>(),
       .rows = rows.size(0),
       .width = rows.size(1),
       .vocab = head.size(0),
       .scale = static_cast<float>(scale),
       .dx = hidden_gradient != nullptr ? hidden_gradient->mutable_data_ptr<float>() : nullptr,
       .dhead = head_gradient != nullptr ? head_gradient->mutable_data_ptr<float>() : nullptr,
       .losses = losses != nullptr ? losses->mutable_data_ptr<float>() : nullptr,
       .precision = precision});
}

}  // namespace braid::trainer
