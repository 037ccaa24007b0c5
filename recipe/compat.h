// The two presets of docs/papers/papaformer.md#s7: `paper`, as the models were published, and
// `fixed`, with the published program's deviations corrected.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// How the maps of `share` and `routed` connections begin in merged composites: "normal" or
// "identity" (model/connection.h).
std::string ConnectInitPreset(spec::Compat compat);

// The learning rate of the joint phase divided by that of the paths, by kind of connection.
double JointRatePreset(spec::Compat compat, const std::string& connect);

// Multiplies the learning rates that `joint` inherited from `train` by joint->lr_factor, or by
// JointRatePreset if that is not set. Rates that `joint` sets itself stay as they are (the factor
// is 1 then). Returns the factor. REQUIRES: called once for each joint phase, because a second call
// would multiply again.
double ScaleJointRates(spec::Compat compat, const std::string& connect, Joint* joint);

// The fields A1-A5 and T1-T8 that differ from the recipe's preset, such as "train.last_label =
// ignore": first those of the whole recipe, then those that single models and joint phases set
// differently, and initial connections that differ.
std::vector<std::string> Overrides(const Recipe& recipe);

}  // namespace braid::recipe
