// braid eval: measures a model without a run: losses on shards, routing, dual-path, BLiMP, GLUE,
// given text.
#include <cstdio>

#include "base/file.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/local_model.h"
#include "cli/shared/print.h"
#include "cli/shared/setting_option.h"
#include "model/spec.h"
#include "recipe/evaluation.h"
#include "spec/evaluate/evaluate.h"
#include "storage/files/artifact_files.h"

namespace braid::cli {
namespace {

// The settings of evaluations that are options here, in the order of the help. An option that two
// evaluations have is described by the first.
constexpr char kOfShards[] = "of --shards", kOfBlimp[] = "of --blimp", kOfGlue[] = "of --glue",
               kOfText[] = "of --next-token", kOfFiles[] = "of --glue and --next-token";
const std::vector<SettingOption>& Settings() {
  static const std::vector<SettingOption> settings = {
      {"--sequences", &spec::LossSettings::Fields, "sequences", kOfShards},
      {"--average", &spec::LossSettings::Fields, "average", kOfShards},
      {"--last-label", &spec::LossSettings::Fields, "last_label", kOfShards},
      {"--pairs", &spec::BlimpSettings::Fields, "pairs", kOfBlimp},
      {"--tasks", &spec::GlueSettings::Fields, "tasks", kOfGlue},
      {"--seeds", &spec::GlueSettings::Fields, "seeds", kOfGlue},
      {"--epochs", &spec::GlueSettings::Fields, "epochs", kOfGlue},
      {"--batch", &spec::GlueSettings::Fields, "batch", kOfGlue},
      {"--length", &spec::GlueSettings::Fields, "length", kOfGlue},
      {"--mnli", &spec::GlueSettings::Fields, "mnli", kOfGlue},
      {"--documents", &spec::NextTokenSettings::Fields, "documents", kOfFiles},
      {"--window", &spec::NextTokenSettings::Fields, "window", kOfText},
      {"--stride", &spec::NextTokenSettings::Fields, "stride", kOfText},
      {"--text", &spec::NextTokenSettings::Fields, "text", kOfText},
      {"--separator", &spec::NextTokenSettings::Fields, "separator", kOfText},
      {"--format", &spec::NextTokenSettings::Fields, "format", kOfText},
  };
  return settings;
}

struct EvalFlags {
  // The measurements: paths, and for routing and dual a word or a file.
  std::string model, blimp, glue, routing, dual;
  std::vector<std::string> shards, next_token;
  // The settings that were given; braid-trainer has the defaults.
  GivenSettings settings;
  std::string adapters, threads;
};

// The sequences of each corpus that routing and dual read. The default is that of `dual` in
// recipes: reading all text would take long.
int64_t SequencesOf(const EvalFlags& flags) {
  const auto given = flags.settings.find("--sequences");
  const int64_t sequences = given == flags.settings.end() ? 0 : std::stoll(given->second);
  return sequences > 0 ? sequences : spec::DualPathSettings().sequences;
}

// braid's own prompts, and the shards that are given.
Json RoutingSpec(const EvalFlags& flags) {
  spec::RoutingSettings routing;
  if (!flags.shards.empty()) routing.sequences = SequencesOf(flags);
  return schema::ToJson(routing);
}

// The published interventions that change something in this model.
Result<Json> DualSpec(const EvalFlags& flags, const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kConfig);
  BRAID_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(path));
  if (!config.is_object() || !config.contains("model"))
    return InvalidArgument(path +
                           " is no configuration of a checkpoint: braid import makes a "
                           "checkpoint of a Hugging Face folder");
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

// The file that goes to the trainer as --spec: `given`, or if that is `word`, one with the JSON of
// `default_spec`, made in `work`.
Result<std::string> SpecFile(const std::string& given, const char* word, const std::string& name,
                             const TemporaryFolder& work,
                             const std::function<Result<Json>()>& default_spec) {
  if (given != word) return given;
  BRAID_ASSIGN_OR_RETURN(const Json spec, default_spec());
  const std::string file = JoinPath(work.path(), name);
  BRAID_RETURN_IF_ERROR(WriteJsonFile(file, spec));
  return file;
}

using TrainerWords = std::vector<std::string>;

// The measurements of one command of braid-trainer.
struct Part {
  const char* name;  // in a JSON document of several parts, as in evaluation.json
  TrainerWords words;
};

// The command of braid-trainer with its positional arguments and those of `options` that were
// given.
TrainerWords CommandWords(const EvalFlags& flags, const char* command, const std::string& folder,
                          const std::vector<std::string>& inputs,
                          const std::vector<const char*>& options) {
  TrainerWords words = {command, folder};
  words.insert(words.end(), inputs.begin(), inputs.end());
  const TrainerWords settings = WordsOf(flags.settings, options);
  words.insert(words.end(), settings.begin(), settings.end());
  return words;
}

// `routing` or `dual` over the shards.
TrainerWords AnalysisWords(const EvalFlags& flags, const char* command, const std::string& folder,
                           const std::string& spec) {
  TrainerWords words = CommandWords(flags, command, folder, flags.shards, {});
  words.insert(words.end(), {"--spec", spec});
  return words;
}

TrainerWords GlueWords(const EvalFlags& flags, const std::string& folder) {
  TrainerWords words = CommandWords(
      flags, "glue", folder, {flags.glue},
      {"--tasks", "--seeds", "--epochs", "--batch", "--length", "--mnli", "--documents"});
  if (!flags.adapters.empty()) words.insert(words.end(), {"--adapters", flags.adapters});
  return words;
}

TrainerWords LossWords(const EvalFlags& flags, const std::string& folder) {
  return CommandWords(flags, "evaluate", folder, flags.shards,
                      {"--sequences", "--average", "--last-label"});
}

TrainerWords NextTokenWords(const EvalFlags& flags, const std::string& folder) {
  return CommandWords(flags, "next-token", folder, flags.next_token,
                      {"--window", "--stride", "--documents", "--text", "--separator", "--format"});
}

Result<std::vector<Part>> PartsOf(const EvalFlags& flags, const std::string& folder,
                                  const TemporaryFolder& work) {
  std::vector<Part> parts;
  if (!flags.routing.empty()) {
    BRAID_ASSIGN_OR_RETURN(const std::string spec,
                           SpecFile(flags.routing, "default", "routing.json", work,
                                    [&] { return Result<Json>(RoutingSpec(flags)); }));
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
    parts.push_back({"blimp", CommandWords(flags, "blimp", folder, {flags.blimp}, {"--pairs"})});
  if (!flags.glue.empty()) parts.push_back({"glue", GlueWords(flags, folder)});
  if (!flags.next_token.empty()) parts.push_back({"next_token", NextTokenWords(flags, folder)});
  return parts;
}

// All of it as one JSON document: that of the part, or of several an object of them.
Result<int> PrintOneDocument(const Globals& globals, const std::vector<Part>& parts,
                             const std::string& work) {
  Json all = Json::object();
  for (const Part& part : parts) {
    TrainerWords words = part.words;
    words.emplace_back("--json");
    const std::string file = JoinPath(work, std::string(part.name) + ".out");
    BRAID_ASSIGN_OR_RETURN(const int code, RunTrainer(words, file));
    if (code != 0) return code;
    BRAID_ASSIGN_OR_RETURN(all[part.name], ReadJsonFile(file));
  }
  PrintJson(globals, parts.size() == 1 ? all[parts.front().name] : all);
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
  for (Part& part : parts) {
    if (!flags.threads.empty()) part.words.insert(part.words.end(), {"--threads", flags.threads});
  }
  if (globals.json()) return PrintOneDocument(globals, parts, work.path());
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
      ->type_name(kModelValue)
      ->required();
  command
      ->add_option("--shards", flags->shards,
                   "folders of shards: loss and perplexity on what was set aside")
      ->type_name(kFolderValue);
  command->add_option("--routing", flags->routing,
                      "which path a composite chooses: default (braid's own prompts, and "
                      "--shards), or a JSON file (docs/tasks.md)");
  command->add_option(
      "--dual", flags->dual,
      "read-outs and interventions over --shards: published, or a JSON file (docs/tasks.md)");
  command->add_option("--blimp", flags->blimp, "folder with BLiMP's *.jsonl")
      ->type_name(kFolderValue);
  command
      ->add_option("--glue", flags->glue, "folder with the files of GLUE's and SuperGLUE's tasks")
      ->type_name(kFolderValue);
  command
      ->add_option("--next-token", flags->next_token,
                   "text files: loss, bits per byte and accuracy of the next token")
      ->type_name(kFileValue);
  for (const SettingOption& setting : Settings())
    AddSettingOption(setting, command, &flags->settings);
  command->add_option("--adapters", flags->adapters,
                      "of --glue: folder for the adapters of every fine-tuning");
  command->add_option("--threads", flags->threads, "threads of the CPU")
      ->check(CLI::Range(1, 1024));
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Eval(globals, *flags); };
  });
}

}  // namespace braid::cli
