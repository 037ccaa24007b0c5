// braid pause, braid resume.
#include <cstdio>

#include "base/random.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "task/job_kind.h"

namespace braid::cli {
namespace {

std::string Jobs(int64_t count) {
  return std::to_string(count) + (count == 1 ? " job" : " jobs");
}

// What becomes of the jobs that run: "2 jobs write a checkpoint and stop, 1 job runs to its end".
std::string WhatRuns(const v1::Run& run) {
  int64_t stop = 0, left = 0;
  for (const v1::Job& job : run.jobs()) {
    if (job.state() == v1::JOB_ACTIVE) ++(task::WritesCheckpoints(job.kind()) ? stop : left);
  }
  std::string text;
  if (stop > 0)
    text = Jobs(stop) +
           (stop == 1 ? " writes a checkpoint and stops" : " write a checkpoint and stop");
  if (left > 0)
    text += (text.empty() ? "" : ", ") + Jobs(left) +
            (left == 1 ? " runs to its end" : " run to their end");
  return text.empty() ? "nothing of it runs" : text;
}

struct PauseFlags {
  std::string run, reason, request_id;
};

Result<int> Pause(const Globals& globals, const PauseFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(flags.run));
  v1::PauseRunRequest request;
  request.set_id(found.id());
  request.set_request_id(flags.request_id.empty() ? RandomUuid() : flags.request_id);
  request.set_reason(flags.reason);
  request.set_user(UserName());
  BRAID_ASSIGN_OR_RETURN(const v1::Run run,
                         (client.Call<v1::Run>(&v1::Runs::Stub::PauseRun, client.runs(), request)));
  if (globals.json()) return PrintJson(globals, run), kOkExit;
  if (found.paused_ms() > 0) {
    std::fprintf(stderr, "run %s is paused already, %s\n", run.id().c_str(),
                 PauseText(run).c_str());
  } else {
    std::fprintf(stderr, "run %s is paused: %s; braid resume %s lets it go on\n", run.id().c_str(),
                 WhatRuns(run).c_str(), run.id().c_str());
  }
  std::printf("%s\n", run.id().c_str());
  return kOkExit;
}

Result<int> Resume(const Globals& globals, const PauseFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(flags.run));
  v1::ResumeRunRequest request;
  request.set_id(found.id());
  request.set_request_id(flags.request_id.empty() ? RandomUuid() : flags.request_id);
  request.set_user(UserName());
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, (client.Call<v1::Run>(&v1::Runs::Stub::ResumeRun,
                                                                  client.runs(), request)));
  if (globals.json()) return PrintJson(globals, run), kOkExit;
  if (found.paused_ms() == 0)
    std::fprintf(stderr, "run %s is not paused: nothing was changed\n", run.id().c_str());
  std::printf("%s\n", run.id().c_str());
  return kOkExit;
}

}  // namespace

void RegisterPause(const Registry& registry) {
  auto flags = std::make_shared<PauseFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "pause", "Let a run wait: what runs stops with a checkpoint, until braid resume");
  command->add_option("run", flags->run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("--reason", flags->reason, "why, in one line, for all who look at the run");
  command->add_option("--request-id", flags->request_id, "the same id again changes nothing more");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Pause(globals, *flags); };
  });
}

void RegisterResume(const Registry& registry) {
  auto flags = std::make_shared<PauseFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "resume", "Let a paused run go on, from its newest checkpoints");
  command->add_option("run", flags->run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("--request-id", flags->request_id, "the same id again changes nothing more");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Resume(globals, *flags); };
  });
}

}  // namespace braid::cli
