// braid run delete.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/random.h"
#include "base/text.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<v1::DeleteRunResponse> Call(Client& client, const std::string& run, bool validate_only) {
  v1::DeleteRunRequest request;
  request.set_id(run);
  request.set_validate_only(validate_only);
  if (!validate_only) request.set_request_id(RandomUuid());
  return client.Call<v1::DeleteRunResponse>(&v1::Keeping::Stub::DeleteRun, client.keeping(),
                                            request, 120'000);
}

std::string Summary(const v1::DeleteRunResponse& run) {
  std::string text = "run " + run.id() + " (" + run.name() + "): " + std::to_string(run.jobs()) +
                     " jobs with their logs, metrics and events, " +
                     std::to_string(run.artifacts()) + " artifacts of " + FormatBytes(run.bytes());
  if (run.artifacts_kept() > 0)
    text += "; " + std::to_string(run.artifacts_kept()) +
            " artifacts stay: they are pinned, or others use them";
  return text;
}

// The answer of a person; without one nothing is deleted.
Result<bool> Confirmed(const v1::DeleteRunResponse& run) {
  if (isatty(STDIN_FILENO) == 0) {
    return InvalidArgument("deleting " + Summary(run) +
                           ". This cannot be undone: say --yes where nobody can be asked");
  }
  std::fprintf(stderr, "This deletes %s.\nIt cannot be undone. Type the run's name to go on: ",
               Summary(run).c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == run.name() || answer == run.id();
}

Result<int> Delete(const Globals& globals, const std::string& run, bool yes) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::DeleteRunResponse found, Call(client, run, true));
  if (!yes) {
    BRAID_ASSIGN_OR_RETURN(const bool confirmed, Confirmed(found));
    if (!confirmed) {
      std::fprintf(stderr, "nothing was deleted\n");
      return kErrorExit;
    }
  }
  // By its id: a newer run may have taken the name.
  BRAID_ASSIGN_OR_RETURN(const v1::DeleteRunResponse deleted, Call(client, found.id(), false));
  if (globals.json()) return PrintJson(globals, deleted), kOkExit;
  std::fprintf(stderr, "deleted %s\n", Summary(deleted).c_str());
  std::printf("%s\n", deleted.id().c_str());
  return kOkExit;
}

}  // namespace

void RegisterRun(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("run", "Runs that have ended");
  command->require_subcommand(1);
  auto id = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  CLI::App* remove = command->add_subcommand(
      "delete", "Delete an ended run with all that it made and nothing else needs");
  remove->add_option("run", *id, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  remove->add_flag("--yes", *yes, "do not ask");
  remove->callback([registry, id, yes] {
    registry.chosen = [&globals = registry.globals, id, yes] { return Delete(globals, *id, *yes); };
  });
}

}  // namespace braid::cli
