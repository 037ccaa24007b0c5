#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>
#include <vector>

#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/exp.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

// On a CPU the work is cut into tiles of rows and columns of the vocabulary, such that a tile of
// logits stays in a core's cache between the product that makes it and the ones that use it.
constexpr int64_t kRowsCpu = 256;
constexpr int64_t kColumnsCpu = 1024;
constexpr int64_t kRowsCuda = 512;
constexpr int64_t kRowsPerPiece = 32;
constexpr int64_t kLanes = 16;

// The running state of a row's softmax after some of its tiles (online softmax).
struct Row {
  float maximum = -std::numeric_limits<float>::infinity();
  // The sum of exp(logit - maximum).
  float sum = 0;
  // The logit of the label.
  float target = 0;
};

// Sixteen independent maxima, since the compiler must not reorder a single chain of comparisons of
// floats.
float Maximum(const float* x, int64_t count) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  }
  for (; i < count; ++i) lanes[0] = std::max(lanes[0], x[i]);
  return *std::max_element(lanes, lanes + kLanes);
}

// Adds the logits [rows, columns] of the vocabulary entries first .. first + columns - 1 to the
// state of each row.
void Scan(const float* logits, int64_t rows, int64_t columns, const int64_t* labels, int64_t first,
          Row* state) {
  at::parallel_for(0, rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* x = logits + row * columns;
      Row& known = state[row];
      const float maximum = std::max(known.maximum, Maximum(x, columns));
      float sum = 0;
      for (int64_t i = 0; i < columns; ++i) sum += Exp(x[i] - maximum);
      known.sum = known.sum * Exp(known.maximum - maximum) + sum;
      known.maximum = maximum;
      const int64_t label = labels[row] - first;
      if (label >= 0 && label < columns) known.target = x[label];
    }
  });
}

// Replaces logits by scale * (softmax - onehot), and by zero in rows that are ignored.
void Differentiate(float* logits, int64_t rows, int64_t columns, const int64_t* labels,
                   int64_t first, float scale, const Row* state) {
  at::parallel_for(0, rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* x = logits + row * columns;
      if (labels[row] < 0) {
        std::fill_n(x, columns, 0.0f);
        continue;
      }
      const float maximum = state[row].maximum;
      const float factor = scale / state[row].sum;
      for (int64_t i = 0; i < columns; ++i) x[i] = factor * Exp(x[i] - maximum);
      const int64_t label = labels[row] - first;
      if (label >= 0 && label < columns) x[label] -= scale;
    }
  });
}

double HeadLossCpu(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                   double scale, at::Tensor* hidden_gradient, at::Tensor* head_gradient,
                   float* losses) {
  const bool gradients = hidden_gradient != nullptr;
  const int64_t rows = hidden.size(0), vocab = head.size(0);
  const int64_t chunk = std::min(rows, kRowsCpu);
  const int64_t tiles = (vocab + kColumnsCpu - 1) / kColumnsCpu;
  // Each tile is contiguous. Without gradients no tile is needed twice, so one buffer serves all.
  at::Tensor buffer = at::empty({gradients ? tiles : 1, chunk * std::min(vocab, kColumnsCpu)},
                                hidden.options());
  std::vector<Row> state(static_cast<size_t>(chunk));
  double loss = 0;
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    const at::Tensor x = hidden.narrow(0, begin, count);
    const int64_t* label = labels.const_data_ptr<int64_t>() + begin;
    const auto tile = [&](int64_t t, int64_t columns) {
      return buffer[gradients ? t : 0].narrow(0, 0, count * columns).view({count, columns});
    };
    state.assign(state.size(), {});
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t first = t * kColumnsCpu, columns = std::min(kColumnsCpu, vocab - first);
      at::Tensor logits = tile(t, columns);
      at::mm_out(logits, x, head.narrow(0, first, columns).t());
      Scan(logits.const_data_ptr<float>(), count, columns, label, first, state.data());
    }
    for (int64_t row = 0; row < count; ++row) {
      const Row& known = state[static_cast<size_t>(row)];
      if (label[row] < 0) continue;
      const double one = label[row] >= vocab ? std::numeric_limits<double>::quiet_NaN()
                                             : static_cast<double>(known.maximum - known.target) +
                                                   std::log(static_cast<double>(known.sum));
      loss += one;
      if (losses != nullptr) losses[begin + row] = static_cast<float>(one);
    }
    if (!gradients) continue;
    at::Tensor dx = hidden_gradient->narrow(0, begin, count);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t first = t * kColumnsCpu, columns = std::min(kColumnsCpu, vocab - first);
      at::Tensor logits = tile(t, columns);
      Differentiate(logits.mutable_data_ptr<float>(), count, columns, label, first,
                    static_cast<float>(scale), state.data());
      if (t == 0) {
        at::mm_out(dx, logits, head.narrow(0, first, columns));
      } else {
        dx.addmm_(logits, head.narrow(0, first, columns));
      }
      head_gradient->narrow(0, first, columns).addmm_(logits.t(), x);
    }
  }
  return loss;
}

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
                double scale, at::Tensor* hidden_gradient, at::Tensor* head_gradient,
                at::Tensor* losses) {
  const at::NoGradGuard no_grad;
  if (hidden_gradient != nullptr) *hidden_gradient = at::empty_like(hidden);
  if (losses != nullptr) *losses = at::zeros({hidden.size(0)}, at::kFloat);
  if (hidden.is_cuda())
    return HeadLossCuda(hidden, head, labels, scale, hidden_gradient, head_gradient, losses);
  return HeadLossCpu(hidden, head, labels, scale, hidden_gradient, head_gradient,
                     losses == nullptr ? nullptr : losses->mutable_data_ptr<float>());
}

}  // namespace braid::trainer
