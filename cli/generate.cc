// braid generate: text from a model.
#include <unistd.h>
#include <cstdio>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/command.h"

namespace braid::cli {
namespace {

struct GenerateFlags {
  std::string model, prompt;
  int64_t tokens = 40, top_k = 0, seed = 42;
  double temperature = 0, top_p = 1;
};

// A folder is used as it is; RUN/JOB means that job's output "model"; anything else is an artifact id. Artifacts are
// kept in the state folder for the next time.
Result<std::string> ModelFolder(const Globals& globals, const std::string& model) {
  if (IsFolder(model)) return model;
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  std::string artifact = model;
  if (const size_t slash = model.find('/'); slash != std::string::npos) {
    BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(model.substr(0, slash)));
    v1::GetJobRequest request;
    request.set_run_id(run.id());
    request.set_name(model.substr(slash + 1));
    BRAID_ASSIGN_OR_RETURN(const v1::Job job, (client.Call<v1::Job>(&v1::Jobs::Stub::GetJob, client.jobs(), request)));
    const auto found = job.outputs().find("model");
    if (found == job.outputs().end()) return NotFound("job " + model + " has no output \"model\" (its state is " + StateName(job.state()) + ")");
    artifact = found->second;
  }
  v1::GetArtifactRequest request;
  request.set_id(artifact);
  BRAID_ASSIGN_OR_RETURN(const v1::Artifact found, (client.Call<v1::Artifact>(&v1::Artifacts::Stub::GetArtifact, client.artifacts(), request)));
  if (found.kind() != "checkpoint") return InvalidArgument("artifact " + artifact + " is a " + found.kind() + ", not a checkpoint");
  const std::string folder = JoinPath(JoinPath(globals.dir, "models"), found.id());
  BRAID_RETURN_IF_ERROR(client.GetToFolder(found.id(), folder, TransferProgress("downloading")).status());
  return folder;
}

Result<int> Generate(const Globals& globals, const GenerateFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  ProcessOptions options;
  options.argv = {JoinPath(ProgramFolder(), "braid-trainer"), "generate", folder, flags.prompt,
                  "--tokens", std::to_string(flags.tokens), "--temperature", FormatDouble(flags.temperature),
                  "--top-k", std::to_string(flags.top_k), "--top-p", FormatDouble(flags.top_p), "--seed", std::to_string(flags.seed)};
  if (globals.json()) options.argv.push_back("--json");
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  return process->exit().signal != 0 ? kErrorExit : process->exit().code;
}

}  // namespace

void RegisterGenerate(const Registry& registry) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* command = registry.app.add_subcommand("generate", "Text from a model");
  command->add_option("model", flags->model, "checkpoint folder, artifact id, or RUN/JOB")->required();
  command->add_option("prompt", flags->prompt)->required();
  command->add_option("--tokens", flags->tokens)->capture_default_str();
  command->add_option("--temperature", flags->temperature, "0: always the likeliest token")->capture_default_str();
  command->add_option("--top-k", flags->top_k)->capture_default_str();
  command->add_option("--top-p", flags->top_p)->capture_default_str();
  command->add_option("--seed", flags->seed)->capture_default_str();
  command->callback([registry, flags] { registry.chosen = [&globals = registry.globals, flags] { return Generate(globals, *flags); }; });
}

}  // namespace braid::cli
