// braid generate: text from a model.
#include <utility>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/local_model.h"

namespace braid::cli {
namespace {

struct GenerateFlags {
  std::string model, prompt;
  int64_t tokens = 40, top_k = 0, seed = 42;
  double temperature = 0, top_p = 1;
};

Result<int> Generate(const Globals& globals, const GenerateFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  std::vector<std::string> words = {"generate",
                                    "--tokens",
                                    std::to_string(flags.tokens),
                                    "--temperature",
                                    FormatDouble(flags.temperature),
                                    "--top-k",
                                    std::to_string(flags.top_k),
                                    "--top-p",
                                    FormatDouble(flags.top_p),
                                    "--seed",
                                    std::to_string(flags.seed),
                                    "--",  // a prompt may begin as an option does
                                    folder,
                                    flags.prompt};
  return RunTrainer(globals, std::move(words));
}

}  // namespace

void RegisterGenerate(const Registry& registry) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* command = registry.app.add_subcommand("generate", "Text from a model");
  command->add_option("model", flags->model, "checkpoint folder, artifact id, or RUN/JOB")
      ->type_name(kModelValue)
      ->required();
  command->add_option("prompt", flags->prompt, "the beginning of the text")->required();
  command->add_option("--tokens", flags->tokens, "to generate")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--temperature", flags->temperature, "0: always the likeliest token")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--top-k", flags->top_k, "only the likeliest; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--top-p", flags->top_p,
                   "only the likeliest that have this share of the probability; 1: all")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "of the draws")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Generate(globals, *flags); };
  });
}

}  // namespace braid::cli
