// The learning rate of each optimizer step (T2 of docs/papers/papaformer.md#s7). All schedules are
// entries of one table (schedule.cc), one for each value of spec::LrSchedule.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/train.h"

namespace braid::trainer {

// The settings of a schedule. Steps are optimizer steps and count from 0.
struct Schedule {
  spec::LrSchedule kind = spec::LrSchedule::kCosine;
  double lr = 5e-4;
  double lr_min = 0.0;
  // The number of steps in which the rate rises to `lr`.
  int64_t warmup_steps = 0;
  // The length of the training, after `max_steps` and the like are applied.
  int64_t total_steps = 0;
  // Of cosine_misstepped: S and M below.
  int64_t steps_per_epoch = 0;
  int64_t micro_batches_per_epoch = 0;
  // The rate of the first step of a warm-up; 0: lr / warmup_steps.
  double warmup_start = 0;
  // Of wsd and continue: the part of all steps in which the rate decreases at the end (0: none; at
  // most 1), and the curve.
  double decay_fraction = 0.2;
  spec::LrDecayShape decay_shape = spec::LrDecayShape::kLinear;
  // Of continue: the step with which a training goes on, before which its decay does not begin.
  int64_t first_step = 0;
};

// An entry of the table.
struct ScheduleKind {
  // `lr_schedule` of a recipe; its word is the schedule's name (spec/train.h).
  spec::LrSchedule kind;
  // The rate of a step after the warm-up.
  double (*rate)(const Schedule& schedule, int64_t step);
  // The schedule uses warmup_steps and warmup_start.
  bool has_warmup;
  bool has_lr_min;
  // The schedule uses decay_fraction and decay_shape.
  bool has_decay;
};

// All schedules. With w = warmup_steps, n = total_steps and t the step:
//
//   cosine     lr_min + (lr - lr_min) (1 + cos(pi (t - w) / (n - w))) / 2
//   constant   lr
//   wsd        warm-up, stable, decay (Hu et al., 2024): lr up to step s, then
//              lr_min + (lr - lr_min) (1 - x), x = (t - s) / (n - s). With `decay_shape: sqrt`
//              1 - sqrt(x) in the place of 1 - x (Haegele et al., 2024). s is n minus
//              decay_fraction n, rounded to at least one whole step; but not less than w. Without
//              a decay (decay_fraction 0) it is lr to the end.
//   continue   as wsd, with the rate at which the training of the start ended as lr
//              (loop/continued_rate.h), and s not less than first_step
//   cosine_misstepped
//              the published schedule: a cosine over the M micro-batches of an epoch that
//              advances once for each optimizer step, so that an epoch sees only its first
//              S steps; each epoch begins it again from the rate that was reached:
//              lr(e, s) = lr(e, 0) (1 + cos(pi s / M)) / 2, s = 0 .. S - 1
//              lr(e + 1, 0) = lr(e, S)
//              REQUIRES: steps_per_epoch = S and micro_batches_per_epoch = M are known.
const std::vector<ScheduleKind>& ScheduleKinds();
// The entry of this kind.
const ScheduleKind& FindSchedule(spec::LrSchedule kind);

// The rate of a step. During the warm-up (t < w, for schedules that have one) it is lr (t + 1) / w
// or, if warmup_start is given, warmup_start + (lr - warmup_start) t / w; afterwards that of the
// schedule.
double LearningRate(const Schedule& schedule, int64_t step);

}  // namespace braid::trainer
