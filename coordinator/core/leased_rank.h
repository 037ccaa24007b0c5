// The worker to which a rank of an attempt is leased.
#pragma once

#include <cstdint>
#include <string>

#include "storage/catalog/records.h"

namespace braid::coordinator {

// The worker of the rank; null if the attempt has no such rank. Reports about a rank are accepted
// only from this worker.
inline const std::string* WorkerOf(const catalog::AttemptRecord& attempt, int64_t rank) {
  if (rank < 0 || rank >= std::ssize(attempt.workers)) return nullptr;
  return &attempt.workers[static_cast<size_t>(rank)];
}

// Whether the attempt has the rank and it is leased to the worker.
inline bool IsLeasedTo(const catalog::AttemptRecord& attempt, int64_t rank,
                       const std::string& worker) {
  const std::string* leased_to = WorkerOf(attempt, rank);
  return leased_to != nullptr && *leased_to == worker;
}

}  // namespace braid::coordinator
