// At which learning rate a training ends, as its settings say it: where `lr_schedule: continue` of
// a training that follows begins.
#pragma once

#include <optional>

#include "spec/train.h"

namespace braid::spec {

// The rate that the curve ends at. Absent where more than the settings decides it
// (`cosine_misstepped`, and `continue` without a decay).
std::optional<double> EndRate(const Train& train);

}  // namespace braid::spec
