// The learning rate of each optimizer step (T2 of PaPaformer section 7).
#pragma once

#include <cstdint>
#include <string>

namespace braid::trainer {

struct Schedule {
  std::string kind = "cosine";  // cosine | cosine_misstepped | constant
  double lr = 5e-4;
  double lr_min = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // the bounded length of the training
  // Of cosine_misstepped: S and M.
  int64_t steps_per_epoch = 0;
  int64_t micro_batches_per_epoch = 0;
  double warmup_start = 0;  // rate of the first step of a warm-up; 0: lr / warmup_steps
};

// Step 0 is the first. Linear warm-up for t < w: lr (t + 1) / w, or from warmup_start: start + (lr
// - start) t / w. Then
//   lr_min + (lr - lr_min) (1 + cos(pi (t - w) / (total - w))) / 2.
// `cosine_misstepped` is the published schedule: a cosine over the M micro-batches of an epoch that
// moves on once a step, so that an epoch sees its first S / M alone, and that starts again from
// where it stands with each epoch:
//   lr(e, s) = lr(e, 0) (1 + cos(pi s / M)) / 2, s = 0 .. S - 1;  lr(e + 1, 0) = lr(e, S).
// It has neither warm-up nor lr_min. REQUIRES: steps_per_epoch and micro_batches_per_epoch are
// known.
double LearningRate(const Schedule& schedule, int64_t step);

}  // namespace braid::trainer
