// The two presets of docs/papers/papaformer.md#s7: `paper`, what was published, and `fixed`, the
// same corrected.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// How shared and routed connections of merged composites begin: normal or identity
// (model/connection.h).
std::string ConnectInitPreset(spec::Compat compat);

// The joint rate as a share of train's, by kind of connection.
double JointRatePreset(spec::Compat compat, const std::string& connect);

// Multiplies the rates that `joint` has from `train` by its lr_factor, or by what `compat` has for
// the kind of connection; rates that `joint` sets itself stay. Call it once for each joint phase: a
// second call would multiply again. Returns the factor.
double ScaleJointRates(spec::Compat compat, const std::string& connect, Joint* joint);

// The fields A1-A5 and T1-T8 that differ from the preset, "train.last_label = ignore", in the order
// of the preset; after them those that single models and the joint phases set otherwise than
// `train` does, and starts of connections that are not the preset's.
std::vector<std::string> Overrides(const Recipe& recipe);

}  // namespace braid::recipe
