#include "cli/shared/local_model.h"

#include "base/file.h"
#include "base/process.h"
#include "cli/shared/exit_code.h"
#include "cli/shared/next_step.h"
#include "cli/shared/print.h"
#include "cli/shared/progress_line.h"
#include "task/artifact.h"

namespace braid::cli {
namespace {

// The checkpoint that RUN/JOB made, or the artifact of an id.
Result<v1::Artifact> FindModel(Client& client, const std::string& model) {
  std::string artifact = model;
  if (const size_t slash = model.find('/'); slash != std::string::npos) {
    BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(model.substr(0, slash)));
    v1::GetJobRequest request;
    request.set_run_id(run.id());
    request.set_name(model.substr(slash + 1));
    BRAID_ASSIGN_OR_RETURN(const v1::Job job,
                           (client.Call<v1::Job>(&v1::Jobs::Stub::GetJob, client.jobs(), request)));
    const auto found = job.outputs().find(task::role::kModel);
    if (found == job.outputs().end())
      return NotFound("job " + model + " has no output \"model\" (its state is " +
                      StateName(job.state()) + "); " +
                      NextStep(job, "jobs of kind train, joint and merge"));
    artifact = found->second;
  }
  v1::GetArtifactRequest request;
  request.set_id(artifact);
  return client.Call<v1::Artifact>(&v1::Artifacts::Stub::GetArtifact, client.artifacts(), request);
}

}  // namespace

Result<std::string> ModelFolder(const Globals& globals, const std::string& model) {
  if (IsFolder(model)) return model;
  Result<Client> client = Connect(globals);
  if (!client.ok()) return client.status().Wrap(model + " is no folder here");
  const Result<v1::Artifact> found = FindModel(*client, model);
  if (!found.ok())
    return found.status().Wrap(model + " is no folder here, and no model of the coordinator");
  if (!IsNameOf(found->kind(), task::ArtifactKind::kCheckpoint))
    return InvalidArgument("artifact " + model + " is a " + found->kind() +
                           ", not a checkpoint: braid artifact list --kind checkpoint shows those");
  const std::string folder = JoinPath(JoinPath(globals.dir, "models"), found->id());
  BRAID_RETURN_IF_ERROR(
      client->GetToFolder(found->id(), folder, TransferProgress("downloading")).status());
  return folder;
}

Result<int> RunTrainer(const std::vector<std::string>& words, const std::string& output) {
  ProcessOptions options;
  options.standard_output = output;
  options.argv = {JoinPath(ProgramFolder(), "braid-trainer")};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  return process->exit().signal != 0 ? kErrorExit : process->exit().code;
}

Result<int> RunTrainer(const Globals& globals, std::vector<std::string> words) {
  if (!globals.json()) return RunTrainer(words);
  words.insert(words.begin() + 1, "--json");  // not at the end, where "--" may have ended options
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  const std::string file = JoinPath(work.path(), "document.json");
  BRAID_ASSIGN_OR_RETURN(const int code, RunTrainer(words, file));
  BRAID_ASSIGN_OR_RETURN(const std::string document, ReadFile(file));
  if (!document.empty()) PrintDocument(globals, document);
  return code;
}

}  // namespace braid::cli
