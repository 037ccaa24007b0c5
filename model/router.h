// The kinds of routers as objects that are found by name. A kind describes a router's settings; its
// computation is in trainer/network/routers/. A new kind is a file in model/routers/ and an entry
// in model/routers/registry.cc.
#pragma once

#include <vector>

#include "schema/words.h"

namespace braid::model {

// A kind of router. Objects have static storage and are compared by address.
struct RouterKind {
  const char* name;     // "gumbel", in recipes and configurations
  const char* meaning;  // completes "`gumbel`: ..." in the documents

  // The router chooses for each token, by a linear map of its input. Otherwise it has no weights,
  // and the paths and their combination are averaged with equal weights.
  bool chooses = true;
  // Noise is drawn for it in training, and in evaluation under RouterNoise::kAlways.
  bool draws_noise = false;
  // Router::hard applies to it; and the default of that setting.
  bool has_hard = false;
  bool hard_by_default = true;
};

// All routers, in the order in which documents and messages list them.
const std::vector<const RouterKind*>& Registered(const RouterKind*);

// The default router of a routed connection.
extern const RouterKind kGumbelRouter;

}  // namespace braid::model
