// braid worker describe.
#pragma once

#include "cli/commands/command.h"

namespace braid::cli {

// Adds it to the command `worker`.
void RegisterWorkerDescribe(const Registry& registry, CLI::App* worker);

}  // namespace braid::cli
