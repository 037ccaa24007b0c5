// The commands of braid, each a file of its own and a line in each of the two lists of registry.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/status.h"
#include "cli/shared/exit_code.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// The action of a chosen command. Returns the exit code, or an error that main shows.
using Action = std::function<Result<int>()>;
// What a command is registered on: its subcommand is added to `app`, and if a person chooses it,
// parsing puts its action into `chosen`. All of it outlives the action.
struct Registry {
  CLI::App& app;
  Globals& globals;
  Action& chosen;
};

// Adds every command; registry.cc has the list.
void RegisterCommands(const Registry& registry);

}  // namespace braid::cli
