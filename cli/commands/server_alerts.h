// braid server alert list, test.
#pragma once

#include "cli/commands/command.h"

namespace braid::cli {

// Adds them to the command `server`.
void RegisterServerAlerts(const Registry& registry, CLI::App* server);

}  // namespace braid::cli
