// braid down: ends what braid up started.
#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands/command.h"
#include "cli/local/service.h"
#include "cli/shared/print.h"

namespace braid::cli {

void RegisterDown(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand(
      "down", "Stop what braid up --detach started, with checkpoints");
  command->callback([registry] {
    registry.chosen = [&globals = registry.globals]() -> Result<int> {
      BRAID_ASSIGN_OR_RETURN(const int code, Down(globals));
      if (globals.json()) PrintJson(globals, Json::object({{"dir", AbsolutePath(globals.dir)}}));
      return code;
    };
  });
}

}  // namespace braid::cli
