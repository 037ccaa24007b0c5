// Weights in half the space: bfloat16, the upper half of a float32.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::trainer {

// The bits of the bfloat16 that is nearest to a number, the even one of two; as torch rounds. A NaN
// stays one.
uint16_t ToBf16(float value);

// Replaces a safetensors file, all of whose tensors are F32, by one of the same tensors as BF16.
// kInvalidArgument, with file and tensor, for another type and for a finite number that bfloat16
// can only hold as infinity; the file then stays as it was.
Status RoundToBf16(const std::string& path);

}  // namespace braid::trainer
