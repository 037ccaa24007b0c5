// braid adapt: a checkpoint with the adapters of a fine-tuning in its weights.
#include <utility>

#include "base/file.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/local_model.h"

namespace braid::cli {
namespace {

struct AdaptFlags {
  std::string model, adapters, out;
};

Result<int> Adapt(const Globals& globals, const AdaptFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  if (PathExists(flags.out))
    return AlreadyExists(flags.out + " exists already; name a folder that does not");
  std::vector<std::string> words = {"adapt", folder, flags.adapters, flags.out};
  return RunTrainer(globals, std::move(words));
}

}  // namespace

void RegisterAdapt(const Registry& registry) {
  auto flags = std::make_shared<AdaptFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "adapt", "A checkpoint folder with saved adapters merged into its weights");
  command->add_option("model", flags->model, "checkpoint folder, artifact id, or RUN/JOB")
      ->type_name(kModelValue)
      ->required();
  command
      ->add_option("adapters", flags->adapters,
                   "folder with lora.safetensors, as an evaluation or eval --adapters keeps it")
      ->type_name(kFolderValue)
      ->required();
  command->add_option("--out", flags->out, "folder to make")->type_name(kFolderValue)->required();
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Adapt(globals, *flags); };
  });
}

}  // namespace braid::cli
