// What a worker is told of a file that it wants: from whom of its site it can be fetched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/api/backend.h"
#include "coordinator/core/neighbours.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// The answer to FindNeighbours.
struct NeighbourAnswer {
  std::vector<Neighbour> neighbours;
  // Nobody has it, and this worker, which may give it then, is fetching it.
  std::optional<Neighbour> fetcher;
  // No other worker may give the caller anything.
  bool alone = false;
};

// In the core's thread. If nobody has the file and nobody need be waited for, a worker that serves
// files counts as the one that fetches it, unless the artifact is bound, which nobody fetches from
// here. Without a site, for an unknown worker and, but for what is bound, on the coordinator's
// machine, the caller is alone. At most kMostExcept of `except` count.
NeighbourAnswer FindNeighboursFor(const std::string& worker,
                                  const catalog::ArtifactRecord& artifact,
                                  const std::string& sha256, std::vector<std::string> except,
                                  const State& state, Backend& backend);

// In the core's thread. The worker has the file; so many of its bytes came from neighbours.
void NoteFetched(const std::string& worker, const catalog::ArtifactRecord& artifact,
                 const std::string& sha256, int64_t neighbour_bytes, Backend& backend,
                 Transaction& tx);

}  // namespace braid::coordinator
