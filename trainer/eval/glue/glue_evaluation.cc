// The part `glue` of an evaluation, GLUE and SuperGLUE by fine-tuning of low-rank adapters, and its
// command.
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "schema/read.h"
#include "spec/evaluate/glue.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/glue/files.h"
#include "trainer/eval/glue/glue.h"
#include "trainer/eval/glue/lora_classifier.h"
#include "trainer/eval/glue/tasks.h"
#include "trainer/eval/opened_model.h"

namespace braid::trainer {
namespace {

Status CheckGlueLength(const model::ModelSpec& model, const spec::GlueSettings& settings) {
  if (model.arch.rope_max_pos == 0 || settings.length <= model.arch.rope_max_pos) return OkStatus();
  return InvalidArgument(Format("glue.length is %lld, above the %lld positions of model %s",
                                (long long)settings.length, (long long)model.arch.rope_max_pos,
                                model.name.c_str()));
}

// Saves the adapters of each training in <adapters>/<task>/seed-<seed>, unless `adapters` is empty.
Result<Json> MeasureGlue(Network& network, const SharedTokenizer& tokenizer,
                         const GlueFolders& folders, const spec::GlueSettings& settings,
                         const std::string& adapters, const MeasureHooks& hooks) {
  BRAID_RETURN_IF_ERROR(CheckGlueLength(network.spec(), settings));
  LoraClassifier classifier(network, settings);
  GlueHooks of_glue;
  of_glue.once = hooks.once;
  of_glue.progress = [&](const std::string& what, int64_t done, int64_t total) {
    return hooks.report ? hooks.report(what, "steps", done, total) : OkStatus();
  };
  of_glue.trained = [&](const std::string& task, uint64_t seed) -> Status {
    if (adapters.empty()) return OkStatus();
    return classifier.lora().Save(
        JoinPath(JoinPath(adapters, task), "seed-" + std::to_string(seed)));
  };
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(const GlueResult result,
                         RunGlue(folders, settings, *tokenizer, encoder, classifier, of_glue));
  return ToJson(result);
}

// A suite of which no task is wanted needs no input.
Result<GlueFolders> FoldersOf(const task::Task& task, const spec::GlueSettings& settings) {
  GlueFolders folders;
  for (const std::string& name : settings.tasks) {
    BRAID_ASSIGN_OR_RETURN(const GlueTask* wanted, FindGlueTask(name));
    const bool glue = wanted->suite == "glue";
    BRAID_ASSIGN_OR_RETURN((glue ? folders.glue : folders.superglue),
                           task.Input(glue ? "glue" : "superglue"));
  }
  return folders;
}

class GlueEvaluation final : public Evaluation {
 public:
  explicit GlueEvaluation(spec::GlueSettings settings) : settings_(std::move(settings)) {}

  Status Open(const EvaluationInputs& inputs) override {
    tokenizer_ = inputs.tokenizer;
    BRAID_ASSIGN_OR_RETURN(folders_, FoldersOf(inputs.task, settings_));
    BRAID_RETURN_IF_ERROR(CheckGlueLength(inputs.model, settings_));
    return CheckGlueFiles(folders_, settings_);
  }

  Result<Json> Measure(EvaluationRun& run) override {
    const std::string adapters = settings_.adapters ? JoinPath(run.output, kAdapters) : "";
    BRAID_ASSIGN_OR_RETURN(
        Json json, MeasureGlue(run.network, tokenizer_, folders_, settings_, adapters, run.hooks));
    if (settings_.adapters)
      run.channel.AddOutput(task::role::kAdapters, task::ArtifactKind::kAdapters, kAdapters,
                            {{"model", run.network.spec().name}});
    return json;
  }

  void Summarize(const Json& result, Json* summary) const override {
    for (const char* suite : {"glue", "superglue"}) {
      if (result.contains(suite)) (*summary)[suite] = result[suite];
    }
  }

 private:
  const spec::GlueSettings settings_;
  SharedTokenizer tokenizer_;
  GlueFolders folders_;
};

// Without tasks: those that count.
spec::GlueSettings WithTasks(spec::GlueSettings settings) {
  if (settings.tasks.empty()) settings.tasks = spec::CountedGlueTasks();
  return settings;
}

std::unique_ptr<Evaluation> MakeGlue(const spec::EvaluateTask& task) {
  return task.glue ? std::make_unique<GlueEvaluation>(WithTasks(*task.glue)) : nullptr;
}

Json Words(const std::string& list) {
  Json words = Json::array();
  for (const std::string& word : Split(list, ',')) words.push_back(word);
  return words;
}

Result<Json> Numbers(const std::string& list, const std::string& option) {
  Json numbers = Json::array();
  for (const std::string& word : Split(list, ',')) {
    const Result<int64_t> number = ParseInt(word);
    if (!number.ok() || *number < 0)
      return InvalidArgument("--" + option + ": " + word + " is no whole number from 0 on");
    numbers.push_back(static_cast<uint64_t>(*number));
  }
  return numbers;
}

Result<spec::GlueSettings> GlueSettingsOf(const Arguments& arguments) {
  Json spec = Json::object();
  if (arguments.Has("tasks")) spec["tasks"] = Words(arguments.Get("tasks", ""));
  if (arguments.Has("seeds")) {
    BRAID_ASSIGN_OR_RETURN(spec["seeds"], Numbers(arguments.Get("seeds", ""), "seeds"));
  }
  for (const char* field : {"epochs", "documents", "batch", "length"}) {
    if (!arguments.Has(field)) continue;
    BRAID_ASSIGN_OR_RETURN(spec[field], arguments.GetInt(field, 0));
  }
  if (arguments.Has("mnli")) spec["mnli"] = arguments.Get("mnli");
  BRAID_ASSIGN_OR_RETURN(spec::GlueSettings settings,
                         schema::FromJson<spec::GlueSettings>(spec, "glue"));
  return WithTasks(std::move(settings));
}

// Without --tasks: those of which the folder has files.
Status KeepTasksOf(const std::string& dir, spec::GlueSettings* settings) {
  BRAID_ASSIGN_OR_RETURN(const TaskFiles files, TaskFiles::Find(dir));
  std::erase_if(settings->tasks, [&](const std::string& task) { return !files.Has(task); });
  return settings->tasks.empty()
             ? InvalidArgument(dir + " has no file of a task of GLUE or SuperGLUE")
             : OkStatus();
}

Status GlueCommand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("glue takes a checkpoint folder and a folder of task files");
  const std::string& dir = arguments.positional()[2];
  BRAID_ASSIGN_OR_RETURN(spec::GlueSettings settings, GlueSettingsOf(arguments));
  if (!arguments.Has("tasks")) BRAID_RETURN_IF_ERROR(KeepTasksOf(dir, &settings));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const Json json,
                         MeasureGlue(*opened.network, opened.tokenizer, {dir, dir}, settings,
                                     arguments.Get("adapters", ""), {.report = OnStandardError()}));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(json).c_str());
    return OkStatus();
  }
  for (const auto& [name, task] : json["tasks"].items()) {
    std::printf("%-10s %6.2f  deviation %.2f over %zu seeds  %s\n", name.c_str(),
                task["score"].get<double>(), task["deviation"].get<double>(), task["seeds"].size(),
                task["metric"].get<std::string>().c_str());
  }
  for (const char* suite : {"glue", "superglue"}) {
    if (json.contains(suite)) std::printf("%-10s %6.2f\n", suite, json[suite].get<double>());
  }
  return OkStatus();
}

Status CheckGlueFolders(const Arguments& arguments) {
  if (!arguments.Has("glue") && !arguments.Has("superglue")) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const spec::GlueSettings settings, GlueSettingsOf(arguments));
  return CheckGlueFiles({arguments.Get("glue", arguments.Get("superglue")),
                         arguments.Get("superglue", arguments.Get("glue"))},
                        settings);
}

}  // namespace

EvaluationKind GlueKind() {
  return {"glue",
          &MakeGlue,
          {"glue",
           "braid-trainer glue FOLDER DIR           GLUE and SuperGLUE with low-rank adapters; DIR "
           "has the tasks' files\n"
           "    [--tasks cola,rte] [--seeds 3,12] [--epochs 32] [--batch 64] [--length 128] "
           "[--documents 0] [--adapters FOLDER]\n"
           "    [--tokenizer FILE] [--threads 2] [--json]\n",
           {"tasks", "seeds", "epochs", "batch", "length", "documents", "mnli", "adapters",
            "tokenizer", "threads"},
           &GlueCommand},
          {"[--glue DIR] [--superglue DIR] [--tasks cola,rte] [--documents 0] [--mnli mean]",
           {"glue", "superglue", "tasks", "documents", "mnli"},
           &CheckGlueFolders}};
}

}  // namespace braid::trainer
