// To whom a rank of an attempt is leased: the one place that says so.
#pragma once

#include <cstdint>
#include <string>

#include "storage/catalog/records.h"

namespace braid::coordinator {

// The worker of the rank; null if the attempt has no such rank. A worker is believed in what it
// says of the ranks that are leased to it, and of no others.
inline const std::string* WorkerOf(const catalog::AttemptRecord& attempt, int64_t rank) {
  if (rank < 0 || rank >= std::ssize(attempt.workers)) return nullptr;
  return &attempt.workers[static_cast<size_t>(rank)];
}

// Whether the rank is there and leased to the worker.
inline bool IsLeasedTo(const catalog::AttemptRecord& attempt, int64_t rank,
                       const std::string& worker) {
  const std::string* leased_to = WorkerOf(attempt, rank);
  return leased_to != nullptr && *leased_to == worker;
}

}  // namespace braid::coordinator
