// Changing the tags of a run. Runs in the core's thread.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// What a user wants changed; recipe::ChangedTags says how.
struct TagChange {
  std::vector<std::string> add, remove;
};

// Changes the tags of a run, which may have ended, in the name of `by` (may be empty), and writes
// nothing if they stay as they are. kNotFound for an unknown run, the errors of
// recipe::ChangedTags.
Status Tag(const std::string& run, const std::string& by, const TagChange& change, Transaction& tx);

}  // namespace braid::coordinator
