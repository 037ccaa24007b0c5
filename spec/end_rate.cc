#include "spec/end_rate.h"

namespace braid::spec {

std::optional<double> EndRate(const Train& train) {
  switch (train.lr_schedule) {
    case LrSchedule::kCosine:
      return train.lr_min;
    case LrSchedule::kConstant:
      return train.optimizer.lr;
    case LrSchedule::kWsd:
      return train.lr_decay_fraction > 0 ? train.lr_min : train.optimizer.lr;
    case LrSchedule::kContinue:
      if (train.lr_decay_fraction > 0) return train.lr_min;
      break;
    case LrSchedule::kCosineMisstepped:
      break;
  }
  return std::nullopt;
}

}  // namespace braid::spec
