// The subcommands of `braid worker` for machines that are reached by ssh: add, hosts, tunnel.
#pragma once

#include "cli/commands/command.h"

namespace braid::cli {

void RegisterWorkerHosts(const Registry& registry, CLI::App* worker);

}  // namespace braid::cli
