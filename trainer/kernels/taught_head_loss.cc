#include "trainer/kernels/taught_head_loss.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "trainer/kernels/passes.h"
#include "trainer/kernels/pieces.h"
#include "trainer/kernels/products.h"

namespace braid::trainer {
namespace {

// Logits of a chunk, 32 MB. A chunk has about five buffers of this size.
constexpr int64_t kLogitsAtOnce = int64_t{8} << 20;
// Fewer rows would make a product with the head slow, and more would not make it faster.
constexpr int64_t kLeastAtOnce = 32, kMostAtOnce = 512;

// The rows' places of their labels in [rows * V], those of rows that do not count at any entry.
at::Tensor PlacesOf(const at::Tensor& labels, int64_t vocab) {
  return at::arange(labels.size(0), labels.options()) * vocab + labels.clamp(0, vocab - 1);
}

// Added up in the order of the rows, in double.
double SumOf(const at::Tensor& losses) {
  const float* values = losses.const_data_ptr<float>();
  return std::accumulate(values, values + losses.numel(), 0.0);
}

// What the head makes of rows and gradients of logits.
class Head {
 public:
  Head(const at::Tensor& weight, Precision precision) : weight_(weight), precision_(precision) {}

  // Whatever the number of rows: operators of ATen have other bits with other numbers of threads.
  at::Tensor Logits(const at::Tensor& x) const {
    return x.is_cpu() ? MapForward(x, weight_, {}, precision_) : at::linear(x, weight_);
  }
  at::Tensor InputGradient(const at::Tensor& dlogits) const {
    if (!dlogits.is_cpu()) return at::mm(dlogits, weight_);
    at::Tensor dx = at::empty({dlogits.size(0), weight_.size(1)}, dlogits.options());
    LinearInputGradient(ShapeOf(dlogits.size(0), weight_, precision_), Read(dlogits), Read(weight_),
                        0, Data(dx));
    return dx;
  }
  void AddWeightGradient(const at::Tensor& dlogits, const at::Tensor& x, at::Tensor* to) const {
    if (!dlogits.is_cpu()) {
      to->addmm_(dlogits.t(), x);
      return;
    }
    LinearWeightGradient(ShapeOf(dlogits.size(0), weight_, precision_), Read(dlogits), Read(x),
                         Data(*to), 0);
  }

 private:
  const at::Tensor weight_;
  const Precision precision_;
};

// The mean over the teachers of their probabilities, [rows, V], and of their mean logarithm under
// themselves, [rows].
struct Taught {
  at::Tensor q;
  at::Tensor log_q;
};

Taught TeachersOf(const std::vector<TeacherRows>& teachers, int64_t begin, int64_t count,
                  double temperature, Precision precision) {
  Taught taught;
  for (const TeacherRows& teacher : teachers) {
    const at::Tensor log_q = at::log_softmax(
        Head(teacher.head, precision).Logits(teacher.hidden.narrow(0, begin, count)) / temperature,
        1);
    const at::Tensor q = log_q.exp(), sum = (q * log_q).sum(1);
    taught.q = taught.q.defined() ? taught.q + q : q;
    taught.log_q = taught.log_q.defined() ? taught.log_q + sum : sum;
  }
  const auto number = static_cast<double>(teachers.size());
  return {taught.q / number, taught.log_q / number};
}

}  // namespace

TaughtLoss TaughtHeadLoss(const at::Tensor& hidden, const at::Tensor& head,
                          const at::Tensor& labels, const std::vector<TeacherRows>& teachers,
                          double weight, double temperature, double scale, Precision precision,
                          at::Tensor* gradient, at::Tensor* head_gradient) {
  const at::NoGradGuard no_grad;
  const int64_t rows = hidden.size(0), vocab = head.size(0);
  const int64_t at_once = std::clamp(kLogitsAtOnce / vocab, kLeastAtOnce, kMostAtOnce) /
                          kLeastAtOnce * kLeastAtOnce;
  const Head map(head.detach(), precision);
  *gradient = at::empty(hidden.sizes(), hidden.options());
  at::Tensor losses = at::zeros({rows}, hidden.options());
  at::Tensor divergences = at::zeros({rows}, hidden.options());
  for (int64_t begin = 0; begin < rows; begin += at_once) {
    const int64_t count = std::min(at_once, rows - begin);
    const at::Tensor label = labels.narrow(0, begin, count), counts = label >= 0;
    const at::Tensor ignored = counts.logical_not().unsqueeze(1);
    // Rows that do not count are zero, whatever they contain.
    const at::Tensor x = hidden.detach().narrow(0, begin, count).masked_fill(ignored, 0);
    const at::Tensor places = PlacesOf(label, vocab);
    const at::Tensor logits = map.Logits(x), log_p = at::log_softmax(logits, 1);
    at::Tensor loss = -log_p.view({-1}).index_select(0, places);
    loss.masked_fill_(label >= vocab, std::numeric_limits<float>::quiet_NaN());
    losses.narrow(0, begin, count).copy_(at::where(counts, loss, at::zeros_like(loss)));

    at::Tensor dlogits = log_p.exp();
    at::Tensor flat = dlogits.view({-1});
    flat.index_copy_(0, places, flat.index_select(0, places) - 1);
    if (!teachers.empty()) {
      const Taught taught = TeachersOf(teachers, begin, count, temperature, precision);
      const at::Tensor log_t = temperature == 1 ? log_p : at::log_softmax(logits / temperature, 1);
      const at::Tensor divergence = taught.log_q - (taught.q * log_t).sum(1);
      divergences.narrow(0, begin, count)
          .copy_(at::where(counts, divergence, at::zeros_like(divergence)));
      // Of t^2 KL, with a factor 1 / t from the logits that are divided by t.
      dlogits.add_(log_t.exp().sub_(taught.q), weight * temperature);
    }
    dlogits.mul_(scale).masked_fill_(ignored, 0);
    gradient->narrow(0, begin, count).copy_(map.InputGradient(dlogits));
    map.AddWeightGradient(dlogits, x, head_gradient);
  }
  losses = losses.cpu();
  return {SumOf(losses), SumOf(divergences.cpu()), losses};
}

}  // namespace braid::trainer
