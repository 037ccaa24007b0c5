#include "trainer/eval/glue/glue.h"

#include "trainer/eval/glue/data.h"
#include "trainer/eval/glue/tasks.h"
#include "trainer/eval/metrics/spread.h"

namespace braid::trainer {
namespace {

std::vector<std::string> ValidationOf(const GlueTask& task, const spec::GlueSettings& settings) {
  if (task.name == "mnli" && settings.mnli == spec::MnliScore::kMatched) return {"dev_matched"};
  return task.validation;
}

// Calls use(task, data) for each task of the settings; its data are gone after the call.
Status ForEachTask(const GlueFolders& folders, const spec::GlueSettings& settings,
                   const std::function<void(const GlueTask&, const TaskData&)>& use) {
  for (const std::string& name : settings.tasks) {
    BRAID_ASSIGN_OR_RETURN(const GlueTask* task, FindGlueTask(name));
    BRAID_ASSIGN_OR_RETURN(
        const TaskFiles files,
        TaskFiles::Find(task->suite == "glue" ? folders.glue : folders.superglue));
    BRAID_ASSIGN_OR_RETURN(
        const TaskData data,
        ReadTaskData(*task, files, ValidationOf(*task, settings), settings.documents));
    use(*task, data);
  }
  return OkStatus();
}

EncodedTask Encoded(const TaskData& data, const spec::GlueSettings& settings,
                    const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder) {
  EncodedTask encoded;
  encoded.train = EncodeExamples(data.train.examples, tokenizer, encoder, settings.length);
  for (const TaskData::Set& set : data.validation) {
    encoded.validation.push_back(EncodeExamples(set.examples, tokenizer, encoder, settings.length));
  }
  return encoded;
}

Result<GlueResult::Task> RunTask(const GlueTask& task, const EncodedTask& data,
                                 const spec::GlueSettings& settings, int32_t pad_id,
                                 Classifier& classifier, const GlueHooks& hooks) {
  GlueResult::Task result{task.name, task.suite, MetricName(task.metric)};
  result.train_examples = static_cast<int64_t>(data.train.size());
  for (const auto& set : data.validation)
    result.validation_examples += static_cast<int64_t>(set.size());
  for (const uint64_t seed : settings.seeds.empty() ? task.seeds : settings.seeds) {
    const std::string what = task.name + ", seed " + std::to_string(seed);
    const auto progress = [&](int64_t done, int64_t total) {
      return hooks.progress ? hooks.progress(what, done, total) : OkStatus();
    };
    // A piece of the journal, so that a training that is complete is not repeated after a restart.
    // FineTunedFromJson reads new and kept results alike.
    const auto train = [&]() -> Result<Json> {
      BRAID_ASSIGN_OR_RETURN(const FineTuned made,
                             FineTune(task, data, settings, seed, pad_id, classifier, progress));
      if (hooks.trained) BRAID_RETURN_IF_ERROR(hooks.trained(task.name, seed));
      return ToJson(made);
    };
    const std::string piece = "glue/" + task.name + "/" + std::to_string(seed);
    BRAID_ASSIGN_OR_RETURN(const Json json, hooks.once(piece, train));
    BRAID_ASSIGN_OR_RETURN(FineTuned run, FineTunedFromJson(json, piece));
    result.scores.push_back(Mean(run.scores));
    result.runs.push_back(std::move(run));
  }
  result.score = Mean(result.scores);
  result.deviation = StandardDeviation(result.scores);
  return result;
}

Json RunsJson(const GlueResult::Task& task) {
  Json runs = Json::array();
  for (const FineTuned& run : task.runs) {
    Json scores = Json::array();
    for (const double score : run.scores) scores.push_back(100 * score);
    runs.push_back({{"seed", run.seed},
                    {"scores", scores},
                    {"loss", run.loss},
                    {"epochs", run.epochs},
                    {"best_epoch", run.best_epoch},
                    {"steps", run.steps}});
  }
  return runs;
}

// The mean over a suite, or null if one of its tasks has no result: a mean over some of the tasks
// would compare with nothing.
Json SuiteMean(const GlueResult& result, const std::string& suite) {
  std::vector<double> scores;
  size_t wanted = 0;
  for (const GlueTask& task : GlueTasks()) wanted += task.suite == suite;
  for (const GlueResult::Task& task : result.tasks) {
    if (task.suite == suite) scores.push_back(100 * task.score);
  }
  return scores.size() == wanted ? Json(Mean(scores)) : Json();
}

}  // namespace

Status CheckGlueFiles(const GlueFolders& folders, const spec::GlueSettings& settings) {
  return ForEachTask(folders, settings, [](const GlueTask&, const TaskData&) {});
}

Result<GlueResult> RunGlue(const GlueFolders& folders, const spec::GlueSettings& settings,
                           const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                           Classifier& classifier, const GlueHooks& hooks) {
  std::vector<std::pair<const GlueTask*, EncodedTask>> tasks;
  BRAID_RETURN_IF_ERROR(
      ForEachTask(folders, settings, [&](const GlueTask& task, const TaskData& data) {
        tasks.emplace_back(&task, Encoded(data, settings, tokenizer, encoder));
      }));
  GlueResult result;
  for (const auto& [task, data] : tasks) {
    BRAID_ASSIGN_OR_RETURN(result.tasks.emplace_back(),
                           RunTask(*task, data, settings, tokenizer.pad_id(), classifier, hooks));
  }
  return result;
}

Json ToJson(const GlueResult& result) {
  Json tasks = Json::object();
  for (const GlueResult::Task& task : result.tasks) {
    Json seeds = Json::array();
    for (const double score : task.scores) seeds.push_back(100 * score);
    tasks[task.name] = {
        {"score", 100 * task.score},
        {"deviation", 100 * task.deviation},
        {"metric", task.metric},
        {"seeds", seeds},
        {"runs", RunsJson(task)},
        {"examples", {{"train", task.train_examples}, {"validation", task.validation_examples}}}};
  }
  Json json = {{"tasks", tasks}};
  for (const char* suite : {"glue", "superglue"}) {
    if (Json mean = SuiteMean(result, suite); !mean.is_null()) json[suite] = std::move(mean);
  }
  return json;
}

}  // namespace braid::trainer
