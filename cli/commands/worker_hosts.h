// The subcommands of `braid worker` for machines that are reached by ssh: add, hosts, tunnel.
#pragma once

#include "cli/commands/command.h"

namespace braid::cli {

// Adds them to the command `worker`.
void RegisterWorkerHosts(const Registry& registry, CLI::App* worker);

}  // namespace braid::cli
