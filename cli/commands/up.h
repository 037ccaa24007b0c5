// Ending what `braid up` started.
#pragma once

#include "cli/commands/command.h"

namespace braid::cli {

// Returns when all of it is gone. kNotFound if nothing is up in globals.dir.
Result<int> Down(const Globals& globals);

}  // namespace braid::cli
