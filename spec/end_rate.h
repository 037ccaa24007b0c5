// The learning rate at which a training ends, computed from its settings. A following training with
// `lr_schedule: continue` begins at this rate.
#pragma once

#include <optional>

#include "spec/train.h"

namespace braid::spec {

// The last rate of the schedule. nullopt if the settings alone do not determine it
// (`cosine_misstepped`, and `continue` without a decay).
std::optional<double> EndRate(const Train& train);

}  // namespace braid::spec
