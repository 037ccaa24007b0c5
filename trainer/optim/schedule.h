// The learning rate of each optimizer step (T2 of docs/papers/papaformer.md#s7). All schedules
// stand in one table (schedule.cc), by the name that `lr_schedule` of a recipe has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/train.h"

namespace braid::trainer {

struct Schedule {
  spec::LrSchedule kind = spec::LrSchedule::kCosine;
  double lr = 5e-4;
  double lr_min = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // the bounded length of the training
  // Of cosine_misstepped: S and M.
  int64_t steps_per_epoch = 0;
  int64_t micro_batches_per_epoch = 0;
  double warmup_start = 0;  // rate of the first step of a warm-up; 0: lr / warmup_steps
  // Of wsd: the share of all steps in which the rate falls at the end, above 0 and at most 1, and
  // the curve.
  double decay_fraction = 0.2;
  spec::LrDecayShape decay_shape = spec::LrDecayShape::kLinear;
};

// An entry of the table.
struct ScheduleKind {
  const char* name;
  // The rate of a step behind the warm-up; step 0 is the first of the training.
  double (*rate)(const Schedule& schedule, int64_t step);
  bool has_warmup;  // warmup_steps and warmup_start mean something
  bool has_lr_min;
  bool has_decay;  // decay_fraction and decay_shape mean something
};

// With w = warmup_steps, n = total_steps and t the step:
//   cosine     lr_min + (lr - lr_min) (1 + cos(pi (t - w) / (n - w))) / 2
//   constant   lr
//   wsd        warm-up, stable, decay (Hu et al. 2024): lr up to step s, then
//              lr_min + (lr - lr_min) (1 - x), x = (t - s) / (n - s); with `decay_shape: sqrt`
//              1 - sqrt(x) in place of 1 - x (Haegele et al. 2024). s is n less decay_fraction of
//              n, rounded to whole steps, at least one; but no less than w.
//   cosine_misstepped
//              the published schedule: a cosine over the M micro-batches of an epoch that moves on
//              once a step, so that an epoch sees its first S / M alone, and that starts again from
//              where it stands with each epoch:
//              lr(e, s) = lr(e, 0) (1 + cos(pi s / M)) / 2, s = 0 .. S - 1;  lr(e + 1, 0) = lr(e,
//              S). REQUIRES: steps_per_epoch and micro_batches_per_epoch are known.
const std::vector<ScheduleKind>& ScheduleKinds();
// Their names, for the reader of settings.
std::vector<std::string> ScheduleNames();
// The kind of that name. REQUIRES: it is one of ScheduleNames(), as settings are checked to be.
const ScheduleKind& FindSchedule(const std::string& name);

// Linear warm-up for t < w where the schedule has one: lr (t + 1) / w, or from warmup_start: start
// + (lr - start) t / w. Then what the schedule says.
double LearningRate(const Schedule& schedule, int64_t step);

}  // namespace braid::trainer
