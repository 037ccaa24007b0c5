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

// Makes of an empty `app` the program: the options that all commands have, whose values go into
// `globals`, and every command; registry.cc has the list.
void MakeProgram(const Registry& registry);

// Prints what the last of these words may become, a line each, for the script that `braid
// completion` prints (cli/shared/completion_script.cc). Ends the program rather than keep a shell
// waiting.
void Complete(const CLI::App& app, Globals globals, const std::vector<std::string>& words);

}  // namespace braid::cli
