#include "report/results/gather.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "report/input/strict_fields.h"
#include "report/results/cost.h"
#include "report/results/gather_sweep.h"
#include "report/results/halving.h"
#include "schema/read.h"
#include "spec/report.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::report {
namespace {

// Notes of each training that was done in parts the time of those before, in the order in which
// they were done.
void AddEarlierParts(Results* results) {
  std::map<std::string, const JobResult*> earlier;  // by name
  for (JobResult& job : results->jobs) {
    earlier[job.name] = &job;
    const auto rung = job.inputs.find(task::role::kRung);
    if (rung == job.inputs.end()) continue;
    double before = -1;
    for (const std::string& name : job.parents) {
      const auto parent = earlier.find(name);
      if (parent == earlier.end()) continue;
      const auto model = parent->second->outputs.find(task::role::kModel);
      if (model != parent->second->outputs.end() && model->second == rung->second)
        before = parent->second->training_seconds();
    }
    job.seconds_before = before;
  }
}

// What the coordinator knows of this run and its jobs; nothing of a report that is made by hand.
Status ReadFacts(const Json& json, Results* results) {
  if (json.is_null()) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(task::RunSummary run, task::RunSummaryFromJson(json, "spec.facts"));
  results->run_id = run.id;
  results->created_ms = run.created_ms;
  for (task::JobSummary& summary : run.jobs) {
    JobResult job{std::move(summary)};
    if (job.started_ms > 0 && job.ended_ms >= job.started_ms)
      job.seconds = static_cast<double>(job.ended_ms - job.started_ms) / 1000;
    if (!job.summary_json.empty()) {
      BRAID_ASSIGN_OR_RETURN(job.summary,
                             ParseJson(job.summary_json, "the summary of job " + job.name));
    }
    results->jobs.push_back(std::move(job));
  }
  AddEarlierParts(results);
  return OkStatus();
}

// A merge account holds the spec of the composite; its evaluation may not.
void TakeSpecOfMerge(const Results& results, ModelResult* model) {
  const auto merge = results.merges.find(model->composite);
  if (!model->composed() || model->evaluation.spec.has_value() || merge == results.merges.end())
    return;
  model->evaluation.spec = merge->second.spec;
}

Status ReadModel(const task::Task& task, const spec::ReportedModel& reported,
                 const std::string& path, const std::vector<EvaluationField>& fields,
                 Results* results) {
  ModelResult model;
  model.name = reported.name;
  model.role = reported.role;
  model.composite = reported.composite;
  model.job = reported.history;
  model.clip = reported.clip;
  if (const auto found = task.inputs.find(task::role::Evaluation(reported.evaluation));
      found != task.inputs.end()) {
    BRAID_ASSIGN_OR_RETURN(
        model.evaluation,
        ReadEvaluation(JoinPath(found->second, artifact_files::kEvaluation), fields));
    for (const auto& [corpus, loss] : model.evaluation.losses) {
      if (std::find(results->corpora.begin(), results->corpora.end(), corpus) ==
          results->corpora.end())
        results->corpora.push_back(corpus);
    }
  }
  if (!model.evaluation.spec.has_value() && !reported.model.is_null()) {
    BRAID_ASSIGN_OR_RETURN(model.evaluation.spec, model::FromJson(reported.model, path + ".model"));
  }
  TakeSpecOfMerge(*results, &model);
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
    if (!point.is_object())
      return InvalidArgument(file + ":" + std::to_string(line_number) + ": expected an object");
    points.push_back(std::move(point));
  }
  return points;
}

Result<JobResult> JobOfSummary(const std::string& name, const std::string& file) {
  JobResult job;
  job.name = name;
  BRAID_ASSIGN_OR_RETURN(job.summary, ReadJsonFile(file));
  if (!job.summary.is_object()) return InvalidArgument(file + ": expected an object");
  JsonReader read(job.summary, file);
  job.ranks = read.Int("ranks", 1);
  job.slots = read.Int("threads", 1);
  // A summary has fields of its program, which are let pass.
  for (const auto& [key, value] : job.summary.items()) (void)read.Value(key);
  BRAID_RETURN_IF_ERROR(read.Finish());
  return job;
}

// The role of an input says what it is: "history.path_1" has the history of job path_1. The steps
// of many trainings are large, and a sweep's report needs none of them.
Status ReadInputs(const task::Task& task, bool steps, Results* results) {
  for (const auto& [role, folder] : task.inputs) {
    const size_t dot = role.find('.');
    if (dot == std::string::npos) continue;
    const std::string kind = role.substr(0, dot), name = role.substr(dot + 1);
    if (kind == task::role::kHistory) {
      if (steps) {
        BRAID_ASSIGN_OR_RETURN(results->histories[name],
                               ReadHistory(JoinPath(folder, artifact_files::kHistory)));
      }
      // A history knows its steps and tokens even where no coordinator tells the facts.
      const std::string summary = JoinPath(folder, artifact_files::kSummary);
      if (results->FindJob(name) == nullptr && PathExists(summary)) {
        BRAID_ASSIGN_OR_RETURN(JobResult job, JobOfSummary(name, summary));
        results->jobs.push_back(std::move(job));
      }
    } else if (kind == task::role::kMerge) {
      BRAID_ASSIGN_OR_RETURN(results->merges[name],
                             ReadMergeAccount(JoinPath(folder, artifact_files::kMerge)));
    } else if (kind == task::role::kGate) {
      BRAID_ASSIGN_OR_RETURN(results->gates[name],
                             ReadGateProof(JoinPath(folder, artifact_files::kGate)));
    }
  }
  return OkStatus();
}

}  // namespace

Result<Results> Gather(const task::Task& task, const std::vector<EvaluationField>& fields) {
  Results results;
  BRAID_ASSIGN_OR_RETURN(const spec::ReportTask spec,
                         schema::FromJson<spec::ReportTask>(task.spec, "spec"));
  results.title = spec.title;
  results.recipe = spec.recipe;
  if (spec.compat) results.compat = {schema::NameOf(spec.compat->mode), spec.compat->overrides};
  BRAID_RETURN_IF_ERROR(ReadFacts(spec.facts, &results));
  results.halvings = HalvingsOf(spec.halvings, results);
  BRAID_RETURN_IF_ERROR(ReadInputs(task, /*steps=*/!spec.sweep, &results));
  if (spec.sweep) {
    const auto read = [&](const spec::ReportedModel& model, Results* variant) {
      return ReadModel(task, model, "spec.models." + model.name, fields, variant);
    };
    BRAID_RETURN_IF_ERROR(GatherSweep(spec, read, &results));
  }
  for (size_t i = 0; !spec.sweep && i < spec.models.size(); ++i) {
    const spec::ReportedModel& model = spec.models[i];
    if (!spec.halvings.empty() &&
        IsLeftBehind(JobName(task::JobKind::kEvaluate, model.evaluation), model.history, results))
      continue;
    BRAID_RETURN_IF_ERROR(ReadModel(task, model, Format("spec.models.%zu", i), fields, &results));
  }
  // Tables show the losses over all text behind those of each corpus.
  if (std::erase(results.corpora, kAllText) > 0) results.corpora.push_back(kAllText);
  // The trainings of a sweep have theirs from their variants.
  if (!spec.sweep) AddCosts(&results);
  return results;
}

}  // namespace braid::report
