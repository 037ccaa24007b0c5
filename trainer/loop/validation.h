// Losses on the documents set aside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/dataset.h"
#include "trainer/collective/collective.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// Sum of losses by corpus, and "all" over all of them. At most `sequences` of each (0: all). Ranks share the work and all
// get the same sums. kInvalidArgument if a corpus has not one sequence set aside.
Result<std::map<std::string, LossSum>> ValidationLosses(Network& network, const std::vector<const corpus::Shards*>& shards,
                                                        int64_t sequence, int64_t sequences, Collective& collective);

}  // namespace braid::trainer
