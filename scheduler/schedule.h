// One scheduling pass: what to grant now, and for everything else why not.
#pragma once

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Jobs are asked in Order(). A gang that does not fit yet but could on the workers of today reserves them: what comes after it
// in the order does not take their slots, so that it cannot starve. One gang reserves in each pass.
Plan Schedule(const Snapshot& snapshot);

}  // namespace braid::scheduler
