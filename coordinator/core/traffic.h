// Bytes of files that workers of each site send to the coordinator, or fetch from it, from each
// other, or from and to the coordinator's bucket, by class. They are counted in the catalog, so
// that a restart forgets none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Under which count a file of this output of a rank falls; nullopt if it is not known on which
// worker the rank is.
std::optional<catalog::TrafficKey> SendingOf(const RankKey& rank, const std::string& role,
                                             const State& state);
// The same of a file of an artifact that a worker fetches, from here or from a neighbour; nullopt
// for an unknown worker. An unknown artifact is of class kOther.
std::optional<catalog::TrafficKey> FetchingOf(
    const std::string& worker, const std::string& artifact, const State& state,
    catalog::TrafficWay way = catalog::TrafficWay::kFetched);

// Adds to the count. Does nothing for no bytes.
void CountTraffic(const catalog::TrafficKey& key, int64_t bytes, Transaction& tx);

}  // namespace braid::coordinator
