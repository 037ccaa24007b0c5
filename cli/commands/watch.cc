// braid watch: follows a run to its end.
#include <cstdio>

#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/print.h"

namespace braid::cli {

void RegisterWatch(const Registry& registry) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand("watch",
                                                  "Follow a run to its end and exit as it does");
  command->add_option("run", *id, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->callback([registry, id] {
    registry.chosen = [&globals = registry.globals, id]() -> Result<int> {
      BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
      BRAID_ASSIGN_OR_RETURN(const v1::Run start, client.GetRun(*id));
      BRAID_ASSIGN_OR_RETURN(const v1::Run run, FollowRun(client, start.id()));
      if (!run.error().empty()) std::fprintf(stderr, "%s\n", run.error().c_str());
      if (globals.json()) {
        PrintJson(globals, run);
      } else {
        std::printf("%s\n", StateName(run.state()).c_str());
      }
      return ExitCodeOf(run);
    };
  });
}

}  // namespace braid::cli
