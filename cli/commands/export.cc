// braid export, braid import: models to and from Hugging Face folders, and the metrics of a run to
// files for other tools.
#include <cstdio>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands/command.h"
#include "cli/local/export_metrics.h"
#include "cli/local/export_trackers.h"
#include "cli/shared/completion.h"
#include "cli/shared/local_model.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

struct ExportFlags {
  std::string model, out, tokenizer, card, dtype, mlflow, wandb, trackio;
  bool csv = false, tensorboard = false, follow = false;
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

Result<int> ExportRun(const Globals& globals, const ExportFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                         ExportMetrics(globals, flags.model,
                                       flags.csv ? MetricFormat::kCsv : MetricFormat::kTensorboard,
                                       flags.out, flags.follow));
  if (globals.json()) return PrintJson(globals, Json::object({{"files", files}})), kOkExit;
  for (const std::string& file : files) std::printf("%s\n", file.c_str());
  return kOkExit;
}

// The words of `python3 -m braid_client.export`; empty if no tracker was named.
std::vector<std::string> TrackerWords(const ExportFlags& flags) {
  std::vector<std::string> words;
  AddOption(&words, "--mlflow", flags.mlflow);
  AddOption(&words, "--wandb", flags.wandb);
  AddOption(&words, "--trackio", flags.trackio);
  if (words.empty()) return words;
  words.push_back(flags.model);
  if (flags.follow) words.emplace_back("--follow");
  return words;
}

Result<int> Export(const Globals& globals, const ExportFlags& flags) {
  if (const std::vector<std::string> words = TrackerWords(flags); !words.empty())
    return ExportWithClient(globals, words);
  if (flags.out.empty())
    return InvalidArgument("--out is missing: name the folder to make, as in --out exported");
  if (flags.csv || flags.tensorboard) return ExportRun(globals, flags);
  if (flags.follow)
    return InvalidArgument(
        "--follow goes with metrics (--csv, --tensorboard, --mlflow, --wandb, --trackio): a model "
        "is exported once");
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  std::vector<std::string> words = {"export", folder, flags.out};
  AddOption(&words, "--tokenizer", flags.tokenizer);
  AddOption(&words, "--card", flags.card);
  AddOption(&words, "--dtype", flags.dtype);
  return RunTrainer(globals, std::move(words));
}

Result<int> Import(const Globals& globals, const ImportFlags& flags) {
  if (!IsFolder(flags.folder)) {
    return NotFound(flags.folder + (PathExists(flags.folder) ? " is a file" : " is not there") +
                    ": name the folder of a downloaded model, with config.json and "
                    "model.safetensors");
  }
  std::vector<std::string> words = {"import", flags.folder, flags.out};
  AddOption(&words, "--tokenizer", flags.tokenizer);
  AddOption(&words, "--name", flags.name);
  return RunTrainer(globals, std::move(words));
}

// Those whose files only their own Python packages write. None goes with the options of others.
void AddTrackers(CLI::App* command, ExportFlags* flags, std::vector<CLI::Option*> others) {
  CLI::Option* mlflow = command->add_option(
      "--mlflow", flags->mlflow,
      "the metrics of the run, as runs of MLflow at this URI: a server or a store");
  CLI::Option* wandb = command->add_option(
      "--wandb", flags->wandb,
      "the metrics of the run, as offline runs of Weights & Biases in this folder, for wandb sync");
  wandb->type_name(kFolderValue);
  CLI::Option* trackio = command->add_option(
      "--trackio", flags->trackio, "the metrics of the run, as runs of this project of trackio");
  for (CLI::Option* tracker : {mlflow, wandb, trackio}) {
    for (CLI::Option* other : others) tracker->excludes(other);
    others.push_back(tracker);
  }
}

}  // namespace

void RegisterExport(const Registry& registry) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "export",
      "A model as a folder that transformers loads, or the metrics of a run for other tools");
  command
      ->add_option("model", flags->model,
                   "checkpoint folder, artifact id, or RUN/JOB; of metrics, the run")
      ->type_name(kModelValue)
      ->required();
  CLI::Option* out =
      command->add_option("--out", flags->out, "folder to make")->type_name(kFolderValue);
  CLI::Option* csv = command->add_flag("--csv", flags->csv,
                                       "the metrics of the run: a table OUT/JOB.csv for each "
                                       "training");
  CLI::Option* tensorboard = command->add_flag(
      "--tensorboard", flags->tensorboard,
      "the metrics of the run: event files for TensorBoard, in OUT/JOB for each training");
  csv->excludes(tensorboard);
  AddTrackers(command, flags.get(), {out, csv, tensorboard});
  command->add_flag("-f,--follow", flags->follow, "of metrics: go on until the run has ended");
  command
      ->add_option("--tokenizer", flags->tokenizer,
                   "tokenizer.json, if the model has none beside it")
      ->type_name(kFileValue);
  command->add_option("--card", flags->card, "JSON with facts for the model card (docs/tasks.md)")
      ->type_name(kFileValue);
  command->add_option("--dtype", flags->dtype, "of the weights: f32 (the default), or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Export(globals, *flags); };
  });
}

void RegisterImport(const Registry& registry) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = registry.app.add_subcommand("import",
                                                  "A Hugging Face Llama as a checkpoint folder");
  command->add_option("folder", flags->folder, "with config.json, safetensors and tokenizer.json")
      ->type_name(kFolderValue)
      ->required();
  command->add_option("--out", flags->out, "folder to make")->type_name(kFolderValue)->required();
  command->add_option("--tokenizer", flags->tokenizer, "tokenizer.json, if the folder has none")
      ->type_name(kFileValue);
  command->add_option("--name", flags->name, "of the model; the folder's if not given");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Import(globals, *flags); };
  });
}

}  // namespace braid::cli
