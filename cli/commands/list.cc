// braid list runs, braid list jobs.
#include <array>

#include "cli/client/pages.h"
#include "cli/commands/list_command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<List> Runs(const Globals& globals, const std::vector<std::string>& tags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::ListRunsRequest request;
  request.set_page_size(200);
  for (const std::string& tag : tags) request.add_tags(tag);
  BRAID_ASSIGN_OR_RETURN(
      const auto response,
      AllPages<v1::ListRunsResponse>(client, &v1::Runs::Stub::ListRuns, client.runs(), request));
  List list{.header = {"RUN", "NAME", "STATE", "JOBS", "AGE", "TAGS"}, .json = JsonText(response)};
  for (const v1::Run& run : response.runs()) {
    const std::string jobs = std::to_string(run.jobs_succeeded()) + "/" +
                             std::to_string(run.jobs_total());
    list.rows.push_back({run.id(),
                         {run.id(), run.name(), StateText(run), Cell(jobs, run.jobs_total()),
                          AgeCell(run.created_ms()), TagsText(run)}});
  }
  return list;
}

Result<List> Jobs(const Globals& globals, const std::string& run_id) {
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
  List list{.header = JobColumns(), .json = JsonText(response)};
  if (run_id.empty()) list.header.insert(list.header.begin(), "RUN");
  for (const v1::Job& job : response.jobs()) {
    List::Row& row = list.rows.emplace_back();
    row.name = job.run_id() + "/" + job.name();
    if (run_id.empty()) row.cells.emplace_back(job.run_id());
    for (std::string& cell : JobCells(job)) row.cells.emplace_back(std::move(cell));
  }
  return list;
}

}  // namespace

void RegisterList(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("list", "List runs (or jobs: list jobs)");
  command->require_subcommand(0, 1);
  const auto options = std::make_shared<ListOptions>();
  // Those before the word `runs`, and those behind it.
  const auto tags = std::make_shared<std::array<std::vector<std::string>, 2>>();
  const auto list_runs = [tags](const Globals& globals) {
    std::vector<std::string> all = (*tags)[0];
    all.insert(all.end(), (*tags)[1].begin(), (*tags)[1].end());
    return Runs(globals, all);
  };
  CLI::App* runs = command->add_subcommand("runs", "All runs, newest first");
  for (CLI::App* one : {command, runs}) {
    MakeList(registry, one, list_runs, options);
    one->add_option("--tag", (*tags)[one == command ? 0 : 1],
                    "only runs with this tag (may be repeated: with all of them)")
        ->allow_extra_args(false);  // or it would take the argument behind it
  }
  auto run = std::make_shared<std::string>();
  CLI::App* jobs = command->add_subcommand("jobs", "Jobs of one run, or of all");
  jobs->add_option("run", *run, "id, its beginning, or name of a run")->type_name(kRunValue);
  const auto list_jobs = [run, tags](const Globals& globals) -> Result<List> {
    if (!(*tags)[0].empty()) {
      return InvalidArgument("jobs have no tags: braid list runs --tag " + (*tags)[0].front() +
                             " names the runs, braid list jobs RUN the jobs of one");
    }
    return Jobs(globals, *run);
  };
  MakeList(registry, jobs, list_jobs, options);
}

}  // namespace braid::cli
