#include "trainer/network/teaching.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "trainer/kernels/taught_head_loss.h"
#include "trainer/network/network_impl.h"

namespace braid::trainer {
namespace {

// The rows of some sequences of x [batch * sequence, ...].
at::Tensor RowsOf(const at::Tensor& x, int64_t sequence, const at::Tensor& places) {
  return x.view({-1, sequence, x.numel() / x.size(0)})
      .index_select(0, places)
      .view({places.size(0) * sequence, -1});
}

int64_t CountOf(const at::Tensor& labels) {
  return labels.ge(0).sum().item<int64_t>();
}

}  // namespace

TeacherRows Network::Impl::Teach(const at::Tensor& ids, int64_t sequence, Precision precision) {
  const at::NoGradGuard no_grad;
  ForwardContext pass = NewPass(ids.size(0) / sequence, sequence);
  pass.precision = precision;
  return {Hidden(ids, pass), head.detach()};
}

LossSum Network::Impl::TaughtLosses(const at::Tensor& hidden, const at::Tensor& ids,
                                    const at::Tensor& labels, int64_t sequence,
                                    const Teaching& teaching, double scale, Precision precision,
                                    at::Tensor* gradient) {
  const at::NoGradGuard no_grad;
  *gradient = at::zeros(hidden.sizes(), hidden.options());
  const at::Tensor by_sequence = gradient->view({-1, sequence, hidden.size(1)});
  LossSum sum;
  for (const TaughtSequences& part : teaching.parts) {
    const auto count = static_cast<int64_t>(part.sequences.size());
    if (count == 0) continue;
    const at::Tensor places =
        at::tensor(at::ArrayRef<int64_t>(part.sequences), at::kLong).to(device);
    const at::Tensor its_ids = RowsOf(ids, sequence, places).view({-1}),
                     its_labels = RowsOf(labels, sequence, places).view({-1});
    std::vector<TeacherRows> teachers;
    for (Network* teacher : part.teachers)
      teachers.push_back(teacher->impl().Teach(its_ids, sequence, precision));
    at::Tensor part_gradient;
    const TaughtLoss loss = TaughtHeadLoss(
        RowsOf(hidden.detach(), sequence, places), head, its_labels, teachers, teaching.weight,
        teaching.temperature, scale, precision, &part_gradient, &head_gradient);
    by_sequence.index_copy_(0, places, part_gradient.view({count, sequence, -1}));
    sum.loss += loss.loss;
    sum.last +=
        loss.losses.view({count, sequence}).select(1, sequence - 1).sum(at::kDouble).item<double>();
    sum.divergence += loss.divergence;
    if (!teachers.empty()) sum.taught += CountOf(its_labels);
  }
  return sum;
}

}  // namespace braid::trainer
