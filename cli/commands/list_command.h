// What the commands that print a list have in common.
#pragma once

#include <functional>
#include <memory>

#include "cli/commands/command.h"
#include "cli/shared/list.h"

namespace braid::cli {

// Gives `command` the options --sort, --reverse, --columns and --watch, and prints what `fetch`
// returns if it is chosen, without a subcommand of its own. A command and its subcommands share
// `options` where these may stand before the subcommand, too.
void MakeList(const Registry& registry, CLI::App* command,
              std::function<Result<List>(const Globals& globals)> fetch,
              std::shared_ptr<ListOptions> options = std::make_shared<ListOptions>());

}  // namespace braid::cli
