// braid down: ends what braid up started.
#include "cli/command.h"
#include "cli/up.h"

namespace braid::cli {

void RegisterDown(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("down", "Stop what braid up --detach started, with checkpoints");
  command->callback([registry] { registry.chosen = [&globals = registry.globals] { return Down(globals); }; });
}

}  // namespace braid::cli
