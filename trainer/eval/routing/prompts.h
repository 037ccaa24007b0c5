// The prompts of the routing analysis (docs/papers/papaformer.md#s8.4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace braid::trainer {

struct RoutingPrompt {
  std::string text;
  int64_t correct = 0;  // the right path, from 1 on; 0: none is said to be
};

// Ten stories, path 1, and ten pieces of school mathematics, path 2. The first four are the
// paper's; of the others only some labels are published, so their text is ours, written around
// those labels, and compares with the published rows in summary only.
const std::vector<RoutingPrompt>& DefaultRoutingPrompts();

}  // namespace braid::trainer
