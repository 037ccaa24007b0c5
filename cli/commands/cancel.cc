// braid cancel.
#include <cstdio>

#include "base/random.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<int> Cancel(const Globals& globals, const std::string& id, const std::string& request_id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(id));
  v1::CancelRunRequest request;
  request.set_id(found.id());
  request.set_request_id(request_id.empty() ? RandomUuid() : request_id);
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, (client.Call<v1::Run>(&v1::Runs::Stub::CancelRun,
                                                                  client.runs(), request)));
  if (globals.json()) return PrintJson(globals, run), kOkExit;
  std::printf("%s\n", run.id().c_str());
  return kOkExit;
}

}  // namespace

void RegisterCancel(const Registry& registry) {
  auto id = std::make_shared<std::string>();
  auto request_id = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand("cancel", "End a run; what runs is stopped");
  command->add_option("run", *id, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("--request-id", *request_id, "the same id again changes nothing more");
  command->callback([registry, id, request_id] {
    registry.chosen = [&globals = registry.globals, id, request_id] {
      return Cancel(globals, *id, *request_id);
    };
  });
}

}  // namespace braid::cli
