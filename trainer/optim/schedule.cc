#include "trainer/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace braid::trainer {

double LearningRate(const Schedule& schedule, int64_t step) {
  const int64_t w = schedule.warmup_steps;
  if (step < w) return schedule.lr * static_cast<double>(step + 1) / static_cast<double>(w);
  if (schedule.kind == "constant") return schedule.lr;
  const auto length = static_cast<double>(std::max<int64_t>(1, schedule.total_steps - w));
  const double done = std::min(1.0, static_cast<double>(step - w) / length);
  return schedule.lr_min + (schedule.lr - schedule.lr_min) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

}  // namespace braid::trainer
