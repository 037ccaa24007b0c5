#include "report/results.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace braid::report {
namespace {

std::map<std::string, std::string> Texts(const Json& object) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) texts[key] = value.get<std::string>();
  }
  return texts;
}

Result<JobFact> ReadJob(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  JobFact job;
  job.name = read.RequireString("name");
  job.kind = read.String("kind", "");
  job.state = read.String("state", "");
  job.parents = read.Strings("parents");
  job.worker = read.String("worker", "");
  job.slots = read.Int("slots", 1);
  job.ranks = read.Int("ranks", 1);
  (void)read.Int("threads", 1);
  job.attempts = read.Int("attempts", 0);
  const int64_t started = read.Int("started_ms", 0), ended = read.Int("ended_ms", 0);
  if (started > 0 && ended >= started) job.seconds = static_cast<double>(ended - started) / 1000;
  job.inputs = Texts(read.Value("inputs"));
  job.outputs = Texts(read.Value("outputs"));
  if (const Json& summary = read.Value("summary"); summary.is_object()) job.summary = summary;
  for (const auto& [key, value] : json.items()) (void)read.Value(key);  // a newer coordinator may say more
  BRAID_RETURN_IF_ERROR(read.Finish());
  return job;
}

Status ReadFacts(const Json& json, Results* results) {
  if (json.is_null()) return OkStatus();
  JsonReader read(json, "spec.facts");
  const Json& run = read.Value("run");
  const Json& jobs = read.RequireArray("jobs");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (run.is_object()) {
    results->run_id = run.value("id", "");
    results->created_ms = run.value("created_ms", int64_t{0});
  }
  for (size_t i = 0; i < jobs.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(JobFact job, ReadJob(jobs[i], Format("spec.facts.jobs.%zu", i)));
    results->jobs.push_back(std::move(job));
  }
  return OkStatus();
}

Status ReadEvaluation(const std::string& file, ModelResult* model, Results* results) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  JsonReader read(json, file);
  (void)read.RequireString("name");
  const Json& about = read.RequireObject("model");
  const Json& losses = read.Value("loss");
  const Json& samples = read.Value("samples");
  BRAID_RETURN_IF_ERROR(read.Finish());
  model->parameters = about.value("parameters", int64_t{0});
  for (const auto& [corpus, value] : losses.items()) {
    JsonReader entry(value, file + ": loss." + corpus);
    model->losses[corpus] = {entry.RequireDouble("loss"), entry.RequireDouble("perplexity"), entry.Int("tokens", 0)};
    BRAID_RETURN_IF_ERROR(entry.Finish());
    if (std::find(results->corpora.begin(), results->corpora.end(), corpus) == results->corpora.end()) {
      results->corpora.push_back(corpus);
    }
  }
  for (const Json& sample : samples) model->samples.push_back({sample.value("prompt", ""), sample.value("text", "")});
  return OkStatus();
}

Status ReadModel(const task::Task& task, const Json& json, const std::string& path, Results* results) {
  JsonReader read(json, path);
  ModelResult model;
  model.name = read.RequireString("name");
  model.role = read.Choice("role", "path", {"path", "composite", "composite_start", "dense"});
  model.composite = read.String("composite", "");
  model.job = read.String("history", "");
  const std::string evaluation = read.String("evaluation", "");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (const auto found = task.inputs.find("evaluation." + evaluation); found != task.inputs.end()) {
    BRAID_RETURN_IF_ERROR(ReadEvaluation(JoinPath(found->second, "evaluation.json"), &model, results));
  }
  results->models.push_back(std::move(model));
  return OkStatus();
}

Result<std::vector<Json>> ReadHistory(const std::string& file) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  std::vector<Json> points;
  int line_number = 0;
  for (const std::string& line : Split(text, '\n')) {
    ++line_number;
    if (line.empty()) continue;
    BRAID_ASSIGN_OR_RETURN(Json point, ParseJson(line, file + ":" + std::to_string(line_number)));
    points.push_back(std::move(point));
  }
  return points;
}

Status ReadInputs(const task::Task& task, Results* results) {
  for (const auto& [role, folder] : task.inputs) {
    const size_t dot = role.find('.');
    if (dot == std::string::npos) continue;
    const std::string kind = role.substr(0, dot), name = role.substr(dot + 1);
    if (kind == "history") {
      BRAID_ASSIGN_OR_RETURN(results->histories[name], ReadHistory(JoinPath(folder, "history.jsonl")));
      // A history knows its steps and tokens even where no coordinator tells the facts.
      const std::string summary = JoinPath(folder, "summary.json");
      if (results->FindJob(name) == nullptr && PathExists(summary)) {
        JobFact job;
        job.name = name;
        BRAID_ASSIGN_OR_RETURN(job.summary, ReadJsonFile(summary));
        job.ranks = job.summary.value("ranks", int64_t{1});
        job.slots = job.summary.value("threads", int64_t{1});
        results->jobs.push_back(std::move(job));
      }
    } else if (kind == "merge") {
      BRAID_ASSIGN_OR_RETURN(results->merges[name], ReadJsonFile(JoinPath(folder, "merge.json")));
    } else if (kind == "gate") {
      BRAID_ASSIGN_OR_RETURN(results->gates[name], ReadJsonFile(JoinPath(folder, "gate.json")));
    }
  }
  return OkStatus();
}

int64_t TokensOf(const JobFact* job) { return job == nullptr ? 0 : job->summary.value("tokens", int64_t{0}); }
double SecondsOf(const JobFact* job) { return job == nullptr ? 0 : std::max(0.0, job->seconds); }

// Sums over the paths of a composite that were trained in this run.
struct PathSums {
  int64_t tokens = 0, cores = 0;
  double longest = 0, total = 0, core_seconds = 0;
};

PathSums SumPaths(const Results& results, const std::string& composite) {
  PathSums sums;
  for (const std::string& path : results.PathsOf(composite)) {
    const JobFact* job = results.FindJob(path);
    if (job == nullptr) continue;
    sums.tokens += TokensOf(job);
    sums.cores += job->cores();
    sums.longest = std::max(sums.longest, SecondsOf(job));
    sums.total += SecondsOf(job);
    sums.core_seconds += SecondsOf(job) * static_cast<double>(job->cores());
  }
  return sums;
}

void FillTraining(ModelResult* model, const Results& results) {
  if (model->role == "composite" || model->role == "composite_start") {
    const PathSums paths = SumPaths(results, model->composite);
    const JobFact* merge = results.FindJob("merge:" + model->composite);
    const JobFact* joint = model->role == "composite" ? results.FindJob(model->job) : nullptr;
    model->tokens = paths.tokens + TokensOf(joint);
    model->cores = std::max(paths.cores, joint == nullptr ? int64_t{0} : joint->cores());
    const double own = SecondsOf(merge) + (joint == nullptr ? 0 : SecondsOf(results.FindJob("gate:" + model->composite)) + SecondsOf(joint));
    if (paths.longest + own > 0) model->seconds = paths.longest + own;
    return;
  }
  const JobFact* job = model->job.empty() ? nullptr : results.FindJob(model->job);
  if (job == nullptr) return;
  model->tokens = TokensOf(job);
  model->cores = job->cores();
  model->seconds = job->seconds;
}

void Compare(const ModelResult& composite, const ModelResult& dense, Results* results) {
  if (composite.seconds <= 0 || dense.seconds <= 0 || composite.cores == 0 || dense.cores == 0) return;
  const PathSums paths = SumPaths(*results, composite.composite);
  const JobFact* joint = results->FindJob(composite.job);
  SpeedComparison speed;
  speed.composite = composite.name;
  speed.dense = dense.name;
  speed.cores = composite.cores;
  speed.critical_path = composite.seconds;
  speed.one_after_another = composite.seconds - paths.longest + paths.total;
  speed.composite_core_seconds = paths.core_seconds + composite.seconds - paths.longest - SecondsOf(joint) +
                                 SecondsOf(joint) * static_cast<double>(joint == nullptr ? 0 : joint->cores());
  speed.dense_cores = dense.cores;
  speed.dense_seconds = dense.seconds;
  speed.dense_equal_cores = dense.seconds * static_cast<double>(dense.cores) / static_cast<double>(composite.cores);
  results->speed.push_back(speed);
}

}  // namespace

const JobFact* Results::FindJob(const std::string& name) const {
  for (const JobFact& job : jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

const ModelResult* Results::FindModel(const std::string& name) const {
  for (const ModelResult& model : models) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

std::vector<std::string> Results::PathsOf(const std::string& composite) const {
  const auto merge = merges.find(composite);
  if (merge == merges.end() || !merge->second.contains("parents")) return {};
  std::vector<std::string> names;
  for (const Json& parent : merge->second["parents"]) {
    if (parent.is_string()) names.push_back(parent.get<std::string>());
  }
  return names;
}

Result<Results> Gather(const task::Task& task) {
  Results results;
  JsonReader read(task.spec, "spec");
  results.title = read.String("title", "braid");
  results.recipe = read.String("recipe", "");
  const Json& models = read.RequireArray("models");
  const Json& facts = read.Value("facts");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_RETURN_IF_ERROR(ReadFacts(facts, &results));
  BRAID_RETURN_IF_ERROR(ReadInputs(task, &results));
  for (size_t i = 0; i < models.size(); ++i) {
    BRAID_RETURN_IF_ERROR(ReadModel(task, models[i], Format("spec.models.%zu", i), &results));
  }
  // "both" reads last.
  if (const auto all = std::find(results.corpora.begin(), results.corpora.end(), "all"); all != results.corpora.end()) {
    results.corpora.erase(all);
    results.corpora.push_back("all");
  }
  for (ModelResult& model : results.models) FillTraining(&model, results);
  for (const ModelResult& composite : results.models) {
    if (composite.role != "composite") continue;
    for (const ModelResult& dense : results.models) {
      if (dense.role == "dense") Compare(composite, dense, &results);
    }
  }
  return results;
}

Json ToJson(const Results& results) {
  Json models = Json::array();
  for (const ModelResult& model : results.models) {
    Json losses = Json::object(), samples = Json::array();
    for (const auto& [corpus, loss] : model.losses) {
      losses[corpus] = {{"loss", loss.loss}, {"perplexity", loss.perplexity}, {"tokens", loss.tokens}};
    }
    for (const Sample& sample : model.samples) samples.push_back({{"prompt", sample.prompt}, {"text", sample.text}});
    models.push_back({{"name", model.name}, {"role", model.role}, {"composite", model.composite}, {"job", model.job},
                      {"parameters", model.parameters}, {"tokens", model.tokens}, {"cores", model.cores},
                      {"seconds", model.seconds}, {"loss", losses}, {"samples", samples}});
  }
  Json speed = Json::array();
  for (const SpeedComparison& one : results.speed) {
    speed.push_back({{"composite", one.composite}, {"dense", one.dense}, {"cores", one.cores},
                     {"critical_path_s", one.critical_path}, {"one_after_another_s", one.one_after_another},
                     {"composite_core_s", one.composite_core_seconds}, {"dense_cores", one.dense_cores},
                     {"dense_s", one.dense_seconds}, {"dense_equal_cores_s", one.dense_equal_cores}});
  }
  Json jobs = Json::array();
  for (const JobFact& job : results.jobs) {
    jobs.push_back({{"name", job.name}, {"kind", job.kind}, {"state", job.state}, {"worker", job.worker},
                    {"parents", job.parents}, {"ranks", job.ranks}, {"slots", job.slots}, {"attempts", job.attempts},
                    {"seconds", job.seconds}, {"inputs", job.inputs}, {"outputs", job.outputs}, {"summary", job.summary}});
  }
  return {{"format", 1}, {"title", results.title}, {"run", {{"id", results.run_id}, {"created_ms", results.created_ms}}},
          {"corpora", results.corpora}, {"models", models}, {"speed", speed}, {"jobs", jobs}};
}

}  // namespace braid::report
