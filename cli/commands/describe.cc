// braid describe: everything about a run or a job.
#include <cstdio>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "task/binding.h"

namespace braid::cli {
namespace {

// What a program printed goes to the terminal as text: control characters in it are not passed on.
void PrintLogTail(const std::string& log_tail) {
  if (log_tail.empty()) return;
  std::printf("  its last lines:\n");
  for (const std::string& line : Split(log_tail, '\n')) {
    std::string shown = line;
    std::erase_if(shown, [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    std::printf("  | %s\n", shown.c_str());
  }
}

void DescribeJob(const v1::Job& job) {
  const std::string memory = job.memory_bytes() == 0
                                 ? ""
                                 : " with " +
                                       FormatBytes(static_cast<uint64_t>(job.memory_bytes())) +
                                       " of memory";
  std::printf("job      %s/%s\nkind     %s\nstate    %s\nplaces   %d x %d %s%s%s\n",
              job.run_id().c_str(), job.name().c_str(), job.kind().c_str(),
              StateName(job.state()).c_str(), job.ranks(), job.slots_per_rank(),
              job.device().c_str(), memory.c_str(),
              job.site().empty() ? "" : (" at " + job.site()).c_str());
  std::printf("needs    %s\n",
              job.parents_size() == 0
                  ? "nothing"
                  : Join({job.parents().begin(), job.parents().end()}, ", ").c_str());
  if (const auto binding = FromName<task::Binding>(job.binding());
      binding.has_value() && *binding != task::Binding::kNothing)
    std::printf("bound    to site %s: %s\n", job.site().c_str(), job.binding().c_str());
  if (!job.pending_detail().empty())
    std::printf("waits    %s: %s\n", v1::PendingReason_Name(job.pending()).c_str(),
                job.pending_detail().c_str());
  if (const std::string progress = ProgressText(job); !progress.empty())
    std::printf("now      %s\n", progress.c_str());
  if (!job.error().empty())
    std::printf("%s %s\n", job.left_behind() ? "reason  " : "error   ", job.error().c_str());
  if (!job.hint().empty()) std::printf("hint     %s\n", job.hint().c_str());
  if (!job.checkpoint().empty())
    std::printf("newest checkpoint  step %lld, %s\n", (long long)job.checkpoint_step(),
                job.checkpoint().substr(0, 12).c_str());
  if (!job.adopted_from().empty()) std::printf("adopted  from %s\n", job.adopted_from().c_str());
  for (const auto& [role, id] : job.inputs())
    std::printf("input    %-24s %s\n", role.c_str(), id.substr(0, 12).c_str());
  for (const auto& [role, id] : job.outputs())
    std::printf("output   %-24s %s\n", role.c_str(), id.substr(0, 12).c_str());
  for (const v1::Attempt& attempt : job.attempts()) {
    std::printf("attempt  %lld %s on %s%s%s%s\n", (long long)attempt.epoch(),
                v1::AttemptState_Name(attempt.state()).substr(8).c_str(),
                Join({attempt.workers().begin(), attempt.workers().end()}, ",").c_str(),
                attempt.resumed_step() > 0
                    ? Format(", from step %lld", (long long)attempt.resumed_step()).c_str()
                    : "",
                attempt.error().empty() ? "" : ": ", attempt.error().c_str());
    PrintLogTail(attempt.log_tail());
  }
}

// The jobs as `braid list jobs` prints them: a table without the rest, or names.
bool PrintAsList(const Globals& globals, const std::vector<v1::Job>& jobs) {
  if (globals.output == "csv") return PrintJobs(globals, jobs), true;
  if (globals.output != "name") return false;
  for (const v1::Job& job : jobs) std::printf("%s/%s\n", job.run_id().c_str(), job.name().c_str());
  return true;
}

Result<int> Describe(const Globals& globals, const std::string& run_id,
                     const std::string& job_name) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
  if (!job_name.empty()) {
    v1::GetJobRequest request;
    request.set_run_id(run.id());
    request.set_name(job_name);
    BRAID_ASSIGN_OR_RETURN(const v1::Job job,
                           (client.Call<v1::Job>(&v1::Jobs::Stub::GetJob, client.jobs(), request)));
    if (globals.json()) return PrintJson(globals, job), kOkExit;
    if (PrintAsList(globals, {job})) return kOkExit;
    DescribeJob(job);
    return kOkExit;
  }
  if (globals.json()) return PrintJson(globals, run), kOkExit;
  if (PrintAsList(globals, {run.jobs().begin(), run.jobs().end()})) return kOkExit;
  std::printf(
      "run      %s (%s)\nstate    %s, %d of %d jobs succeeded\nage      %s\nuser     %s\npriority "
      "%d%s\nrecipe   sha256 %s\n",
      run.id().c_str(), run.name().c_str(), StateText(run).c_str(), run.jobs_succeeded(),
      run.jobs_total(), Ago(run.created_ms()).c_str(),
      run.user().empty() ? "-" : run.user().c_str(), run.priority(),
      run.preempts() ? "" : ", stops nothing of a lower one",
      run.recipe_sha256().substr(0, 16).c_str());
  if (IsPaused(run)) std::printf("paused   %s\n", PauseText(run).c_str());
  if (run.tags_size() > 0) std::printf("tags     %s\n", TagsText(run).c_str());
  if (!run.retry_of().empty()) std::printf("retry of %s\n", run.retry_of().c_str());
  if (!run.error().empty()) std::printf("error    %s\n", run.error().c_str());
  std::printf("\n");
  PrintJobs(globals, {run.jobs().begin(), run.jobs().end()});
  return kOkExit;
}

}  // namespace

void RegisterDescribe(const Registry& registry) {
  auto run = std::make_shared<std::string>();
  auto job = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand(
      "describe", "Everything about a run, or about one of its jobs");
  command->add_option("run", *run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("job", *job, "name of a job of the run")->type_name(kJobValue);
  command->callback([registry, run, job] {
    registry.chosen = [&globals = registry.globals, run, job] {
      return Describe(globals, *run, *job);
    };
  });
}

}  // namespace braid::cli
