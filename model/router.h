// A router as an object that is found by name: what the project asks of it besides running it,
// which trainer/network/routers/ does. A new one is a file in model/routers/ and its name in
// model/routers/registry.cc.
#pragma once

#include <vector>

#include "schema/words.h"

namespace braid::model {

// A kind of router, found by its name (model/routers/registry.cc): all that the project has to know
// of it but how it computes.
struct RouterKind {
  const char* name;     // "gumbel", in recipes and configurations
  const char* meaning;  // completes "`gumbel`: ..." in the documents

  // It chooses for each token, and has weights and an input for that. Otherwise the paths and their
  // combination count alike.
  bool chooses = true;
  // Noise is drawn for it in training, and in evaluation under RouterNoise::kAlways.
  bool draws_noise = false;
  // Router::hard means something for it, and its value where nobody says one.
  bool has_hard = false;
  bool hard_by_default = true;
};

// All routers, in the order in which documents and messages list them.
const std::vector<const RouterKind*>& Registered(const RouterKind*);

// The router of a routed connection that does not say otherwise.
extern const RouterKind kGumbelRouter;

}  // namespace braid::model
