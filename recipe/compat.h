// The two presets of docs/papers/papaformer.md#s7: `paper`, what was published, and `fixed`, the
// same corrected.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// How shared and routed connections of merged composites begin.
model::ConnectInit ConnectInitPreset(spec::Compat compat);

// A1-A5.
model::Arch ArchPreset(spec::Compat compat);

// The joint rate as a share of train's, by kind of connection.
double JointRatePreset(spec::Compat compat, model::ConnectionKind connect);

// Multiplies the rates that `joint` has from `train` by its lr_factor, or by what `compat` has for
// the kind of connection; rates that `joint` sets itself stay. Call it once for each joint phase: a
// second call would multiply again. Returns the factor.
double ScaleJointRates(spec::Compat compat, model::ConnectionKind connect, Joint* joint);

// The fields A1-A5 and T1-T8 that differ from the preset, "train.last_label = ignore", in the order
// of the preset; after them those that single models and the joint phases set otherwise than
// `train` does, and starts of connections that are not the preset's.
std::vector<std::string> Overrides(const Recipe& recipe);

// What reports, cards and plans say of it: {"mode": "paper", "overrides": [...]}.
Json CompatJson(const Recipe& recipe);

}  // namespace braid::recipe
