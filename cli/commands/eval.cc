// braid eval: measures a model without a run: losses on shards, routing, dual-path, BLiMP, GLUE,
// given text.
#include <cstdio>

#include "base/file.h"
#include "cli/commands/command.h"
#include "cli/shared/local_model.h"
#include "model/spec.h"
#include "recipe/evaluation.h"

namespace braid::cli {
namespace {

struct EvalFlags {
  std::string model, blimp, glue, tasks, seeds, mnli, adapters, routing, dual,
      average = "token_mean", last_label = "ignore";
  std::vector<std::string> shards, next_token;
  std::string text, separator;
  int64_t window = 0, stride = 0;
  int64_t sequences = 0, pairs = 0, documents = 0, epochs = 32, batch = 64, length = 128,
          threads = 2;
};

constexpr int64_t kTextSequences = 8;  // of each corpus, where routing or dual read text and the
                                       // flags do not say how much

int64_t SequencesOf(const EvalFlags& flags) {
  return flags.sequences > 0 ? flags.sequences : kTextSequences;
}

// `default` prompts, and the shards that are given; or a file.
Json RoutingSpec(const EvalFlags& flags) {
  return {{"sequences", flags.shards.empty() ? 0 : SequencesOf(flags)}};
}

// The published interventions, as far as the model has what they change.
Result<Json> DualSpec(const EvalFlags& flags, const std::string& folder) {
  const std::string path = JoinPath(folder, "config.json");
  BRAID_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(path));
  if (!config.is_object() || !config.contains("model"))
    return InvalidArgument(path + " is no configuration of a checkpoint");
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec,
                         model::FromJson(config["model"], path + ".model"));
  spec::RecipeDualPath published;
  published.sequences = SequencesOf(flags);
  published.published = true;
  const auto dual = recipe::DualPathOf(published, spec);
  if (!dual)
    return InvalidArgument(folder + " has no loop or dual_path block; --dual is about those");
  return schema::ToJson(*dual);
}

// What stands for `spec` on the trainer's command line: a file as it is, or one that is made of
// `usual` in `work`.
Result<std::string> SpecFile(const std::string& given, const char* word, const std::string& name,
                             const TemporaryFolder& work,
                             const std::function<Result<Json>()>& usual) {
  if (given != word) return given;
  BRAID_ASSIGN_OR_RETURN(const Json spec, usual());
  const std::string file = JoinPath(work.path(), name);
  BRAID_RETURN_IF_ERROR(WriteJsonFile(file, spec));
  return file;
}

using TrainerWords = std::vector<std::string>;

// What is measured by one command of braid-trainer.
struct Part {
  const char* name;  // in a JSON document of several parts, as in evaluation.json
  TrainerWords words;
};

TrainerWords LossWords(const EvalFlags& flags, const std::string& folder) {
  TrainerWords words = {"evaluate", folder};
  words.insert(words.end(), flags.shards.begin(), flags.shards.end());
  words.insert(words.end(), {"--sequences", std::to_string(flags.sequences), "--average",
                             flags.average, "--last-label", flags.last_label});
  return words;
}

// `routing` or `dual` over the shards.
TrainerWords AnalysisWords(const EvalFlags& flags, const char* command, const std::string& folder,
                           const std::string& spec) {
  TrainerWords words = {command, folder};
  words.insert(words.end(), flags.shards.begin(), flags.shards.end());
  words.insert(words.end(), {"--spec", spec});
  return words;
}

TrainerWords GlueWords(const EvalFlags& flags, const std::string& folder) {
  TrainerWords words = {"glue",
                        folder,
                        flags.glue,
                        "--documents",
                        std::to_string(flags.documents),
                        "--epochs",
                        std::to_string(flags.epochs),
                        "--batch",
                        std::to_string(flags.batch),
                        "--length",
                        std::to_string(flags.length)};
  for (const auto& [option, value] : {std::pair{"--tasks", flags.tasks},
                                      {"--seeds", flags.seeds},
                                      {"--mnli", flags.mnli},
                                      {"--adapters", flags.adapters}}) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  }
  return words;
}

TrainerWords NextTokenWords(const EvalFlags& flags, const std::string& folder) {
  TrainerWords words = {"next-token", folder};
  words.insert(words.end(), flags.next_token.begin(), flags.next_token.end());
  words.insert(words.end(),
               {"--window", std::to_string(flags.window), "--stride", std::to_string(flags.stride),
                "--documents", std::to_string(flags.documents)});
  for (const auto& [option, value] :
       {std::pair{"--text", flags.text}, {"--separator", flags.separator}}) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  }
  return words;
}

Result<std::vector<Part>> PartsOf(const EvalFlags& flags, const std::string& folder,
                                  const TemporaryFolder& work) {
  std::vector<Part> parts;
  if (!flags.routing.empty()) {
    const auto usual = [&] { return Result<Json>(RoutingSpec(flags)); };
    BRAID_ASSIGN_OR_RETURN(const std::string spec,
                           SpecFile(flags.routing, "default", "routing.json", work, usual));
    parts.push_back({"routing", AnalysisWords(flags, "routing", folder, spec)});
  }
  if (!flags.dual.empty()) {
    BRAID_ASSIGN_OR_RETURN(const std::string spec,
                           SpecFile(flags.dual, "published", "dual.json", work,
                                    [&] { return DualSpec(flags, folder); }));
    parts.push_back({"dual", AnalysisWords(flags, "dual", folder, spec)});
  }
  if (!flags.shards.empty()) parts.push_back({"loss", LossWords(flags, folder)});
  if (!flags.blimp.empty())
    parts.push_back(
        {"blimp", {"blimp", folder, flags.blimp, "--pairs", std::to_string(flags.pairs)}});
  if (!flags.glue.empty()) parts.push_back({"glue", GlueWords(flags, folder)});
  if (!flags.next_token.empty()) parts.push_back({"next_token", NextTokenWords(flags, folder)});
  return parts;
}

// All of it as one JSON document: that of the part, or of several an object of them.
Result<int> PrintOneDocument(const std::vector<Part>& parts, const std::string& work) {
  Json all = Json::object();
  for (const Part& part : parts) {
    TrainerWords words = part.words;
    words.emplace_back("--json");
    const std::string file = JoinPath(work, std::string(part.name) + ".out");
    BRAID_ASSIGN_OR_RETURN(const int code, RunTrainer(words, file));
    if (code != 0) return code;
    BRAID_ASSIGN_OR_RETURN(all[part.name], ReadJsonFile(file));
  }
  std::fputs(DumpJson(parts.size() == 1 ? all[parts.front().name] : all).c_str(), stdout);
  return kOkExit;
}

// The first part that fails ends it.
Result<int> Eval(const Globals& globals, const EvalFlags& flags) {
  if (flags.shards.empty() && flags.routing.empty() && flags.dual.empty() && flags.blimp.empty() &&
      flags.glue.empty() && flags.next_token.empty()) {
    return InvalidArgument(
        "nothing to measure; give --shards, --routing, --dual, --blimp, --glue or --next-token");
  }
  BRAID_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(globals, flags.model));
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  BRAID_ASSIGN_OR_RETURN(std::vector<Part> parts, PartsOf(flags, folder, work));
  for (Part& part : parts)
    part.words.insert(part.words.end(), {"--threads", std::to_string(flags.threads)});
  if (globals.json()) return PrintOneDocument(parts, work.path());
  for (const Part& part : parts) {
    BRAID_ASSIGN_OR_RETURN(const int code, RunTrainer(part.words));
    if (code != 0) return code;
  }
  return kOkExit;
}

}  // namespace

void RegisterEval(const Registry& registry) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "eval", "Measure a model: losses, routing, dual-path, BLiMP, GLUE and SuperGLUE, given text");
  command->add_option("model", flags->model, "checkpoint folder, artifact id, or RUN/JOB")
      ->required();
  command->add_option("--shards", flags->shards,
                      "folders of shards: loss and perplexity on what was set aside");
  command
      ->add_option("--sequences", flags->sequences,
                   "of each folder of shards; 0: all, or 8 for --routing and --dual")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--routing", flags->routing,
                      "which path a composite chooses: default (braid's own prompts, and "
                      "--shards), or a JSON file (docs/tasks.md)");
  command->add_option(
      "--dual", flags->dual,
      "read-outs and interventions over --shards: published, or a JSON file (docs/tasks.md)");
  command
      ->add_option("--average", flags->average,
                   "T8, as eval.loss_average of a recipe: token_mean or batch_mean")
      ->capture_default_str();
  command
      ->add_option("--last-label", flags->last_label,
                   "T1, as train.last_label of a recipe: ignore or copy_input")
      ->capture_default_str();
  command->add_option("--blimp", flags->blimp, "folder with BLiMP's *.jsonl");
  command->add_option("--pairs", flags->pairs, "of each paradigm of BLiMP; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--glue", flags->glue,
                      "folder with the files of GLUE's and SuperGLUE's tasks");
  command->add_option("--tasks", flags->tasks,
                      "cola,rte,...; all that the folder has if not given");
  command->add_option("--seeds", flags->seeds, "3,12,...; the paper's if not given");
  command->add_option("--next-token", flags->next_token,
                      "text files: loss, bits per byte and accuracy of the next token");
  command
      ->add_option("--window", flags->window,
                   "of --next-token: tokens of a pass; 0: the model's sequence")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--stride", flags->stride,
                   "of --next-token: tokens that a further window scores; 0: half of a window")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--text", flags->text, "of --next-token: field of rows that has the text");
  command->add_option("--separator", flags->separator,
                      "of --next-token: line that cuts plain text into documents");
  command->add_option("--documents", flags->documents, "examples or documents of each file; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--epochs", flags->epochs, "of fine-tuning, at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--batch", flags->batch, "of fine-tuning")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--length", flags->length, "tokens of an example, at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--mnli", flags->mnli, "mean of both validation sets, or matched");
  command->add_option("--adapters", flags->adapters,
                      "folder for the adapters of every fine-tuning");
  command->add_option("--threads", flags->threads, "of the CPU")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Eval(globals, *flags); };
  });
}

}  // namespace braid::cli
