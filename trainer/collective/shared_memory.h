// A collective for ranks that are processes of one host and see each other in /proc.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "trainer/collective/collective.h"

namespace braid::trainer {

// Sums through a piece of shared memory, which has no name and is gone with its last user. The
// ranks agree through `rendezvous`, under keys "shm/...", whether all of them can open it; null if
// not, on all of them. A rank that ends is noticed within a fraction of a second. kAborted if a
// rank does not come within `timeout_ms`, which limits each operation, too.
Result<std::unique_ptr<Collective>> SharedMemoryCollective(task::Rendezvous& rendezvous,
                                                           int64_t rank, int64_t world,
                                                           int64_t timeout_ms);

}  // namespace braid::trainer
