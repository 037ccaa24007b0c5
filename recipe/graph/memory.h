// How much memory jobs need: `memory` of a recipe.
#pragma once

#include "recipe/graph/dag.h"
#include "spec/memory.h"

namespace braid::recipe {

// Sets `memory_bytes` of each job.
void SetMemory(const spec::Memory& memory, Dag* dag);

}  // namespace braid::recipe
