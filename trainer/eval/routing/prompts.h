// The prompts of the routing analysis (docs/papers/papaformer.md#s8.4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace braid::trainer {

struct RoutingPrompt {
  std::string text;
  // The right path, counted from 1; 0 if none is known.
  int64_t correct = 0;
};

// Ten prompts of stories (path 1) and ten of school mathematics (path 2). The first four are the
// paper's. Of the others only some labels are published; their texts are braid's own, written
// around those labels, so only summaries compare with the published rows.
const std::vector<RoutingPrompt>& DefaultRoutingPrompts();

}  // namespace braid::trainer
