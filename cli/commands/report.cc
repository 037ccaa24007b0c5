// braid report: the report of a run.
#include <cstdio>

#include "base/file.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/next_step.h"
#include "cli/shared/print.h"
#include "cli/shared/progress_line.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::cli {
namespace {

Result<int> Report(const Globals& globals, const std::string& run_id, std::string out) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
  std::string artifact;
  std::string why = "its recipe was submitted without the report job; without --only it has one";
  for (const v1::Job& job : run.jobs()) {
    if (!task::IsKind(job.kind(), task::JobKind::kReport)) continue;
    why = "its report job is " + StateName(job.state()) + "; " +
          NextStep(job, "runs that were submitted without --only");
    if (const auto found = job.outputs().find(task::role::kReport); found != job.outputs().end())
      artifact = found->second;
  }
  if (artifact.empty()) return NotFound("run " + run.id() + " has no report yet: " + why);
  if (out.empty()) out = JoinPath(JoinPath(globals.dir, "reports"), run.id());
  BRAID_RETURN_IF_ERROR(
      client.GetToFolder(artifact, out, TransferProgress("downloading")).status());
  BRAID_ASSIGN_OR_RETURN(const std::string text,
                         ReadFile(JoinPath(out, globals.json() ? artifact_files::kReportNumbers
                                                               : artifact_files::kReportSummary)));
  if (globals.json())
    PrintDocument(globals, text);
  else
    std::fputs(text.c_str(), stdout);
  std::fprintf(stderr, "\n%s\n", AbsolutePath(JoinPath(out, artifact_files::kReportPage)).c_str());
  return kOkExit;
}

}  // namespace

void RegisterReport(const Registry& registry) {
  auto run = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand(
      "report", "Print the results of a run and keep its whole report");
  command->add_option("run", *run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command
      ->add_option(
          "--out", *out,
          "folder for report.md, report.html and report.json (default: in the state folder)")
      ->type_name(kFolderValue);
  command->callback([registry, run, out] {
    registry.chosen = [&globals = registry.globals, run, out] {
      return Report(globals, *run, *out);
    };
  });
}

}  // namespace braid::cli
