// What is to be said of a joint phase that begins at the rate at which its parents ended.
#pragma once

#include <string>

#include "recipe/recipe.h"

namespace braid::recipe {

// A warning if `lr_schedule: continue` of the composite finds parents that end at different rates:
// it has one rate, the lowest of them. Otherwise empty. Parents that were trained before are not
// looked at, since only their checkpoints know.
std::string CautionOfRates(const Recipe& recipe, const Composite& composite);

}  // namespace braid::recipe
