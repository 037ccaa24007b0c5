// Which values a checkpoint may have.
#pragma once

#include <cstdint>

namespace braid::merge {

// The index of the first of `count` floats that no training leaves behind: NaN, infinity and, of
// second moments of AdamW, which are means of squares, a number below zero. `count` if there is
// none. The floats need not be aligned. Runs at the speed of memory.
int64_t FirstImpossible(const void* values, int64_t count, bool second_moments);

}  // namespace braid::merge
