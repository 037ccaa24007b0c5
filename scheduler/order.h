// Who is asked first.
#pragma once

#include <cstddef>
#include <vector>

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Indices of the snapshot's jobs: the longest way to the end of its run first, among equals the earlier submitted.
std::vector<size_t> Order(const Snapshot& snapshot);

}  // namespace braid::scheduler
