// The two presets of docs/papers/papaformer.md#s7: `paper`, as the models were published, and
// `fixed`, with the published program's deviations corrected.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// How shared and routed connections of merged composites begin.
model::ConnectInit ConnectInitPreset(spec::Compat compat);

// The fields A1-A5 under a preset.
model::Arch ArchPreset(spec::Compat compat);

// The factor between the learning rates of `train` and those of `joint`, by kind of connection.
double JointRatePreset(spec::Compat compat, model::ConnectionKind connect);

// Multiplies the rates that `joint` has from `train` by its lr_factor, or by what `compat` has for
// the kind of connection; rates that `joint` sets itself stay. Call it once for each joint phase: a
// second call would multiply again. Returns the factor.
double ScaleJointRates(spec::Compat compat, model::ConnectionKind connect, Joint* joint);

// The fields A1-A5 and T1-T8 that differ from the recipe's preset, such as "train.last_label =
// ignore": first those of the whole recipe, then those that single models and joint phases set
// differently, and initial connections that differ.
std::vector<std::string> Overrides(const Recipe& recipe);

}  // namespace braid::recipe
