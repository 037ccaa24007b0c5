// Which values a checkpoint may have.
#pragma once

#include <cstdint>

namespace braid::merge {

// The index of the first of `count` floats that is NaN or infinite, or, if they are means of
// `squares`, below zero; `count` if there is none. They need not be aligned. At the speed of
// memory.
int64_t FirstImpossible(const void* values, int64_t count, bool squares);

}  // namespace braid::merge
