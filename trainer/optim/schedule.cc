#include "trainer/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace braid::trainer {
namespace {

double HalfCosine(double done) {
  return (1 + std::cos(std::numbers::pi * done)) / 2;
}

double Cosine(const Schedule& schedule, int64_t step) {
  const int64_t w = schedule.warmup_steps;
  // A training that consists of its warm-up alone must not divide by zero.
  const auto length = static_cast<double>(std::max<int64_t>(1, schedule.total_steps - w));
  const double done = std::min(1.0, static_cast<double>(step - w) / length);
  return schedule.lr_min + (schedule.lr - schedule.lr_min) * HalfCosine(done);
}

double Constant(const Schedule& schedule, int64_t) {
  return schedule.lr;
}

double WarmupStableDecay(const Schedule& schedule, int64_t step) {
  const int64_t total = schedule.total_steps;
  if (schedule.decay_fraction == 0) return schedule.lr;
  const auto decay = std::llround(schedule.decay_fraction * static_cast<double>(total));
  const int64_t begin = std::max(
      {schedule.warmup_steps, schedule.first_step, total - std::max<int64_t>(1, decay)});
  if (step < begin) return schedule.lr;
  const auto length = static_cast<double>(std::max<int64_t>(1, total - begin));
  const double done = std::min(1.0, static_cast<double>(step - begin) / length);
  const double left = 1 -
                      (schedule.decay_shape == spec::LrDecayShape::kSqrt ? std::sqrt(done) : done);
  return schedule.lr_min + (schedule.lr - schedule.lr_min) * left;
}

// The rate after whole epochs is a power of one epoch's factor, so that a restart in a later epoch
// needs no history.
double Misstepped(const Schedule& schedule, int64_t step) {
  const auto length = static_cast<double>(schedule.micro_batches_per_epoch);
  const double epoch = HalfCosine(static_cast<double>(schedule.steps_per_epoch) / length);
  const int64_t epochs_done = step / schedule.steps_per_epoch;
  return schedule.lr * std::pow(epoch, static_cast<double>(epochs_done)) *
         HalfCosine(static_cast<double>(step % schedule.steps_per_epoch) / length);
}

double WarmupRate(const Schedule& schedule, int64_t step) {
  const auto w = static_cast<double>(schedule.warmup_steps);
  if (schedule.warmup_start > 0) {
    return schedule.warmup_start +
           (schedule.lr - schedule.warmup_start) * static_cast<double>(step) / w;
  }
  return schedule.lr * static_cast<double>(step + 1) / w;
}

}  // namespace

const std::vector<ScheduleKind>& ScheduleKinds() {
  static const std::vector<ScheduleKind> kKinds = {
      // kind, rate, has_warmup, has_lr_min, has_decay
      {spec::LrSchedule::kCosine, &Cosine, true, true, false},
      {spec::LrSchedule::kCosineMisstepped, &Misstepped, false, false, false},
      {spec::LrSchedule::kConstant, &Constant, true, true, false},
      {spec::LrSchedule::kWsd, &WarmupStableDecay, true, true, true},
      // Its `lr` is found when the training begins.
      {spec::LrSchedule::kContinue, &WarmupStableDecay, true, true, true},
  };
  return kKinds;
}

const ScheduleKind& FindSchedule(spec::LrSchedule kind) {
  for (const ScheduleKind& one : ScheduleKinds()) {
    if (one.kind == kind) return one;
  }
  throw std::logic_error("there is no schedule " + NameOf(kind));
}

double LearningRate(const Schedule& schedule, int64_t step) {
  const ScheduleKind& kind = FindSchedule(schedule.kind);
  if (kind.has_warmup && step < schedule.warmup_steps) return WarmupRate(schedule, step);
  return kind.rate(schedule, step);
}

}  // namespace braid::trainer
