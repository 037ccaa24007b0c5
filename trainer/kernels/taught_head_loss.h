// The cross-entropy of the head together with the divergence from teachers.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/kernels/simd/precision.h"

namespace braid::trainer {

// What one teacher makes of the rows: its hidden states [rows, d], and its head [V, d].
struct TeacherRows {
  at::Tensor hidden;
  at::Tensor head;
};

// Sums over the rows that count.
struct TaughtLoss {
  double loss = 0;        // nats, as of HeadLoss
  double divergence = 0;  // nats: the mean over the teachers, neither weighed nor scaled
  at::Tensor losses;      // of each row, fp32 [rows] on the host
};

// For hidden [rows, w], head [V, w] and labels int64 [rows], where rows with a negative label are
// ignored and a label of V or more gives NaN, the sum over the rows of
//
//   -log p(label) + weight * t^2 * mean over the teachers of KL(q_t || p_t)
//
// with p the softmax of the logits, and p_t and q_t those of the logits and of a teacher's, divided
// by t = temperature. `gradient` receives scale * d sum / d hidden, and scale * d sum / d head is
// added to `head_gradient`; the teachers get none. Rows are taken in chunks, so that the logits of
// all rows are never in memory at once. `precision` is that of all products, kFp32 on other devices
// than the CPU. Not recorded by autograd. Without teachers it is HeadLoss but for rounding.
TaughtLoss TaughtHeadLoss(const at::Tensor& hidden, const at::Tensor& head,
                          const at::Tensor& labels, const std::vector<TeacherRows>& teachers,
                          double weight, double temperature, double scale, Precision precision,
                          at::Tensor* gradient, at::Tensor* head_gradient);

}  // namespace braid::trainer
