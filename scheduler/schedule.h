// One scheduling pass: what to grant now, and for everything else why not.
#pragma once

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Jobs are asked in the order of Turns. One that needs several slots (a gang, or a rank of several)
// and does not fit yet but could on the workers of today reserves them: what comes after it does
// not take their slots of its device, so that it cannot starve. One job reserves in each pass.
Plan Schedule(const Snapshot& snapshot);

}  // namespace braid::scheduler
