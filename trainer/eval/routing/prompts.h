// The prompts of the routing analysis (docs/papers/papaformer.md#s8.4).
#pragma once

#include <vector>

#include "spec/evaluate/routing.h"

namespace braid::trainer {

// Ten stories, path 1, and ten pieces of school mathematics, path 2. The first four are the
// paper's; of the others only some labels are published, so their text is ours, written around
// those labels, and compares with the published rows in summary only.
const std::vector<spec::RoutingPrompt>& DefaultRoutingPrompts();

}  // namespace braid::trainer
