#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "trainer/kernels/cuda/plugin.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

// Rows at a time: the logits of a chunk stay in cache on a CPU and fill a GPU.
constexpr int64_t kChunkCpu = 256;
constexpr int64_t kChunkCuda = 512;

// logits [rows, V] become scale * (softmax - onehot); returns the sum of losses.
double SoftmaxInPlace(at::Tensor& logits, const at::Tensor& labels, double scale, bool gradients) {
  if (logits.is_cuda()) {
    at::Tensor losses = at::empty({logits.size(0)}, logits.options());
    CudaPlugin()->softmax_loss(logits.mutable_data_ptr<float>(), labels.const_data_ptr<int64_t>(),
                               losses.mutable_data_ptr<float>(), logits.size(0), logits.size(1),
                               static_cast<float>(scale), gradients);
    return losses.to(at::kDouble).sum().item<double>();
  }
  const at::Tensor log_probabilities = at::log_softmax(logits, 1);
  const float* lp = log_probabilities.const_data_ptr<float>();
  const int64_t* label = labels.const_data_ptr<int64_t>();
  const int64_t V = logits.size(1);
  double loss = 0;
  for (int64_t row = 0; row < logits.size(0); ++row) {
    if (label[row] >= 0) loss -= lp[row * V + label[row]];
  }
  if (!gradients) return loss;
  at::exp_out(logits, log_probabilities).mul_(scale);
  float* out = logits.mutable_data_ptr<float>();
  for (int64_t row = 0; row < logits.size(0); ++row) {
    if (label[row] >= 0) {
      out[row * V + label[row]] -= static_cast<float>(scale);
    } else {
      std::fill_n(out + row * V, V, 0.0f);
    }
  }
  return loss;
}

}  // namespace

double HeadLoss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels, double scale,
                at::Tensor* hidden_gradient, at::Tensor* head_gradient) {
  const at::NoGradGuard no_grad;
  const int64_t rows = hidden.size(0);
  const int64_t chunk = std::min(rows, hidden.is_cuda() ? kChunkCuda : kChunkCpu);
  if (hidden_gradient != nullptr) *hidden_gradient = at::empty_like(hidden);
  at::Tensor buffer = at::empty({chunk, head.size(0)}, hidden.options());
  double loss = 0;
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    const at::Tensor x = hidden.narrow(0, begin, count);
    at::Tensor logits = buffer.narrow(0, 0, count);
    at::mm_out(logits, x, head.t());
    loss += SoftmaxInPlace(logits, labels.narrow(0, begin, count), scale, hidden_gradient != nullptr);
    if (hidden_gradient == nullptr) continue;
    at::Tensor dx = hidden_gradient->narrow(0, begin, count);
    at::mm_out(dx, logits, head);
    head_gradient->addmm_(logits.t(), x);
  }
  return loss;
}

}  // namespace braid::trainer
