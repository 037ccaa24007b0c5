// braid eval: measures a model without a run: losses on shards, BLiMP, GLUE.
#include "cli/local_model.h"

namespace braid::cli {
namespace {

struct EvalFlags {
  std::string model, blimp, glue, tasks, seeds, average = "token_mean", last_label = "ignore";
  std::vector<std::string> shards;
  int64_t sequences = 0, pairs = 0, documents = 0, epochs = 32, threads = 2;
};

// Each part is a command of braid-trainer; the first that fails ends it.
Result<int> Eval(const Globals& globals, const EvalFlags& flags) {
  if (flags.shards.empty() && flags.blimp.empty() && flags.glue.empty()) {
    return InvalidArgument("nothing to measure; give --shards, --blimp or --glue");
  }
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  std::vector<std::vector<std::string>> parts;
  if (!flags.shards.empty()) {
    parts.push_back({"evaluate", folder});
    parts.back().insert(parts.back().end(), flags.shards.begin(), flags.shards.end());
    parts.back().insert(parts.back().end(), {"--sequences", std::to_string(flags.sequences), "--average", flags.average,
                                             "--last-label", flags.last_label});
  }
  if (!flags.blimp.empty()) parts.push_back({"blimp", folder, flags.blimp, "--pairs", std::to_string(flags.pairs)});
  if (!flags.glue.empty()) {
    parts.push_back({"glue", folder, flags.glue, "--documents", std::to_string(flags.documents), "--epochs", std::to_string(flags.epochs)});
    if (!flags.tasks.empty()) parts.back().insert(parts.back().end(), {"--tasks", flags.tasks});
    if (!flags.seeds.empty()) parts.back().insert(parts.back().end(), {"--seeds", flags.seeds});
  }
  for (std::vector<std::string>& words : parts) {
    words.insert(words.end(), {"--threads", std::to_string(flags.threads)});
    if (globals.json()) words.emplace_back("--json");
    BRAID_ASSIGN_OR_RETURN(const int code, RunTrainer(words));
    if (code != 0) return code;
  }
  return kOkExit;
}

}  // namespace

void RegisterEval(const Registry& registry) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = registry.app.add_subcommand("eval", "Measure a model: losses, BLiMP, GLUE and SuperGLUE");
  command->add_option("model", flags->model, "checkpoint folder, artifact id, or RUN/JOB")->required();
  command->add_option("--shards", flags->shards, "folders of shards: loss and perplexity on what was set aside");
  command->add_option("--sequences", flags->sequences, "of each folder of shards; 0: all")->capture_default_str();
  command->add_option("--average", flags->average, "T8, as eval.loss_average of a recipe: token_mean or batch_mean")->capture_default_str();
  command->add_option("--last-label", flags->last_label, "T1, as train.last_label of a recipe: ignore or copy_input")->capture_default_str();
  command->add_option("--blimp", flags->blimp, "folder with BLiMP's *.jsonl");
  command->add_option("--pairs", flags->pairs, "of each paradigm of BLiMP; 0: all")->capture_default_str();
  command->add_option("--glue", flags->glue, "folder with the files of GLUE's and SuperGLUE's tasks");
  command->add_option("--tasks", flags->tasks, "cola,rte,...; all that the folder has if not given");
  command->add_option("--seeds", flags->seeds, "3,12,...; the paper's if not given");
  command->add_option("--documents", flags->documents, "examples of each file; 0: all")->capture_default_str();
  command->add_option("--epochs", flags->epochs, "of fine-tuning, at most")->capture_default_str();
  command->add_option("--threads", flags->threads)->capture_default_str();
  command->callback([registry, flags] { registry.chosen = [&globals = registry.globals, flags] { return Eval(globals, *flags); }; });
}

}  // namespace braid::cli
