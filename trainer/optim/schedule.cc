#include "trainer/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace braid::trainer {

namespace {

double HalfCosine(double done) {
  return (1 + std::cos(std::numbers::pi * done)) / 2;
}

double Misstepped(const Schedule& schedule, int64_t step) {
  const auto length = static_cast<double>(schedule.micro_batches_per_epoch);
  const double epoch = HalfCosine(static_cast<double>(schedule.steps_per_epoch) / length);
  return schedule.lr * std::pow(epoch, static_cast<double>(step / schedule.steps_per_epoch)) *
         HalfCosine(static_cast<double>(step % schedule.steps_per_epoch) / length);
}

}  // namespace

double LearningRate(const Schedule& schedule, int64_t step) {
  if (schedule.kind == "cosine_misstepped") return Misstepped(schedule, step);
  const int64_t w = schedule.warmup_steps;
  if (step < w && schedule.warmup_start > 0) {
    return schedule.warmup_start + (schedule.lr - schedule.warmup_start) *
                                       static_cast<double>(step) / static_cast<double>(w);
  }
  if (step < w) return schedule.lr * static_cast<double>(step + 1) / static_cast<double>(w);
  if (schedule.kind == "constant") return schedule.lr;
  const auto length = static_cast<double>(std::max<int64_t>(1, schedule.total_steps - w));
  const double done = std::min(1.0, static_cast<double>(step - w) / length);
  return schedule.lr_min + (schedule.lr - schedule.lr_min) * HalfCosine(done);
}

}  // namespace braid::trainer
