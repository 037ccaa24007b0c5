// braid worker invite, remove.
#pragma once

#include "cli/commands/command.h"

namespace braid::cli {

// Adds them to the command `worker`.
void RegisterWorkerAccess(const Registry& registry, CLI::App* worker);

}  // namespace braid::cli
