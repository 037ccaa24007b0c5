// Waiting between tries, which a stop ends.
#pragma once

#include <cstdint>
#include <functional>

namespace braid::storage {

// Waits for `ms`, or until `stopped`, which may be null, is true; returns whether it is not.
bool Pause(int64_t ms, const std::function<bool()>& stopped);

}  // namespace braid::storage
