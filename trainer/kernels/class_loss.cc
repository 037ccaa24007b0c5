#include <ATen/ATen.h>

#include "trainer/kernels/functions.h"

namespace braid::trainer {

at::Tensor ClassLossOfOperators(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor classes = at::arange(logits.size(1), labels.options());
  // A mask instead of a gather, whose backward pass is not deterministic on GPUs.
  const at::Tensor others = labels.unsqueeze(1) != classes.unsqueeze(0);
  return -at::log_softmax(logits, 1).masked_fill(others, 0.0).sum(1).mean();
}

at::Tensor ClassLoss(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.is_cpu() ? at::cross_entropy_loss(logits, labels)
                         : ClassLossOfOperators(logits, labels);
}

}  // namespace braid::trainer
