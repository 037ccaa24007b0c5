// braid list runs, braid list jobs.
#include <cstdio>

#include "cli/client/pages.h"
#include "cli/commands/command.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<int> ListRuns(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::ListRunsRequest request;
  request.set_page_size(200);
  BRAID_ASSIGN_OR_RETURN(
      const auto response,
      AllPages<v1::ListRunsResponse>(client, &v1::Runs::Stub::ListRuns, client.runs(), request));
  if (globals.json()) return PrintJson(response), kOkExit;
  std::vector<std::vector<std::string>> rows;
  for (const v1::Run& run : response.runs()) {
    if (globals.output == "name") {
      std::printf("%s\n", run.id().c_str());
      continue;
    }
    rows.push_back({run.id(), run.name(), StateName(run.state()),
                    std::to_string(run.jobs_succeeded()) + "/" + std::to_string(run.jobs_total()),
                    Ago(run.created_ms())});
  }
  if (globals.output != "name") PrintTable(globals, {"RUN", "NAME", "STATE", "JOBS", "AGE"}, rows);
  return kOkExit;
}

Result<int> ListJobs(const Globals& globals, const std::string& run_id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::ListJobsRequest request;
  if (!run_id.empty()) {
    BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
    request.set_run_id(run.id());
  }
  request.set_page_size(1000);
  BRAID_ASSIGN_OR_RETURN(
      const auto response,
      AllPages<v1::ListJobsResponse>(client, &v1::Jobs::Stub::ListJobs, client.jobs(), request));
  if (globals.json()) return PrintJson(response), kOkExit;
  if (globals.output == "name") {
    for (const v1::Job& job : response.jobs())
      std::printf("%s/%s\n", job.run_id().c_str(), job.name().c_str());
    return kOkExit;
  }
  PrintJobs(globals, {response.jobs().begin(), response.jobs().end()}, run_id.empty());
  return kOkExit;
}

}  // namespace

void RegisterList(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("list", "List runs (or jobs: list jobs)");
  command->require_subcommand(0, 1);
  command->callback([registry, command] {
    if (command->get_subcommands().empty())
      registry.chosen = [&globals = registry.globals] { return ListRuns(globals); };
  });
  command->add_subcommand("runs", "All runs, newest first")->callback([registry] {
    registry.chosen = [&globals = registry.globals] { return ListRuns(globals); };
  });
  auto run = std::make_shared<std::string>();
  CLI::App* jobs = command->add_subcommand("jobs", "Jobs of one run, or of all");
  jobs->add_option("run", *run, "id, its beginning, or name of a run");
  jobs->callback([registry, run] {
    registry.chosen = [&globals = registry.globals, run] { return ListJobs(globals, *run); };
  });
}

}  // namespace braid::cli
