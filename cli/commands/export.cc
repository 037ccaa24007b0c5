// braid export, braid import: models to and from Hugging Face folders.
#include "base/file.h"
#include "cli/commands/command.h"
#include "cli/shared/local_model.h"

namespace braid::cli {
namespace {

struct ExportFlags {
  std::string model, out, tokenizer, card;
};

struct ImportFlags {
  std::string folder, out, tokenizer, name;
};

void AddOption(std::vector<std::string>* words, const std::string& option,
               const std::string& value) {
  if (value.empty()) return;
  words->push_back(option);
  words->push_back(value);
}

Result<int> Export(const Globals& globals, const ExportFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  std::vector<std::string> words = {"export", folder, flags.out};
  AddOption(&words, "--tokenizer", flags.tokenizer);
  AddOption(&words, "--card", flags.card);
  if (globals.json()) words.push_back("--json");
  return RunTrainer(words);
}

Result<int> Import(const Globals& globals, const ImportFlags& flags) {
  if (!IsFolder(flags.folder)) return NotFound(flags.folder + " is not a folder");
  std::vector<std::string> words = {"import", flags.folder, flags.out};
  AddOption(&words, "--tokenizer", flags.tokenizer);
  AddOption(&words, "--name", flags.name);
  if (globals.json()) words.push_back("--json");
  return RunTrainer(words);
}

}  // namespace

void RegisterExport(const Registry& registry) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = registry.app.add_subcommand("export",
                                                  "A model as a folder that transformers loads");
  command->add_option("model", flags->model, "checkpoint folder, artifact id, or RUN/JOB")
      ->required();
  command->add_option("--out", flags->out, "folder to make")->required();
  command->add_option("--tokenizer", flags->tokenizer,
                      "tokenizer.json, if the model has none beside it");
  command->add_option("--card", flags->card, "JSON with facts for the model card (docs/tasks.md)");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Export(globals, *flags); };
  });
}

void RegisterImport(const Registry& registry) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = registry.app.add_subcommand("import",
                                                  "A Hugging Face Llama as a checkpoint folder");
  command->add_option("folder", flags->folder, "with config.json, safetensors and tokenizer.json")
      ->required();
  command->add_option("--out", flags->out, "folder to make")->required();
  command->add_option("--tokenizer", flags->tokenizer, "tokenizer.json, if the folder has none");
  command->add_option("--name", flags->name, "of the model; the folder's if not given");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Import(globals, *flags); };
  });
}

}  // namespace braid::cli
