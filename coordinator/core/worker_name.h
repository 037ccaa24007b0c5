// The rule for ids of workers and names of sites.
#pragma once

#include <string>

#include "base/status.h"

namespace braid::coordinator {

// OK for at most 255 bytes without control characters: ids and sites become parts of paths, events
// and lines of terminals. The same rule holds wherever a worker says or is given its id: in its
// hello, in an invitation, and in the name of its token. `what` begins the error: "a worker id".
Status CheckWorkerName(const std::string& what, const std::string& name);

}  // namespace braid::coordinator
