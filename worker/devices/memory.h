// The main memory that the jobs of a worker may have.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::worker {

// The bytes that `text` says, a size ("64GB") or a share of the machine's memory ("50%"); all of
// that if the text is empty. kInvalidArgument says what is allowed.
Result<int64_t> MemoryForJobs(const std::string& text, int64_t machine_bytes);

}  // namespace braid::worker
