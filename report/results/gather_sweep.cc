#include "report/results/gather_sweep.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "report/results/cost.h"
#include "task/job_kind.h"

namespace braid::report {
namespace {

using task::JobKind;
using task::JobName;

// The name without the kind: of what the job is about.
std::string SubjectOf(const std::string& job) {
  const size_t colon = job.find(':');
  return colon == std::string::npos ? job : job.substr(colon + 1);
}

// The names of a variant's jobs, both ways.
class VariantNames {
 public:
  // `foreign` are the names of jobs that only some variants have.
  VariantNames(const spec::ReportedVariant& variant, const std::set<std::string>& foreign)
      : variant_(variant), foreign_(foreign) {
    for (const auto& [own, name] : variant.jobs) own_[name] = own;
  }

  std::string InRun(const std::string& own) const {
    const auto renamed = variant_.jobs.find(own);
    return renamed == variant_.jobs.end() ? own : renamed->second;
  }
  // Empty for the jobs of other variants.
  std::string Own(const std::string& in_run) const {
    if (const auto own = own_.find(in_run); own != own_.end()) return own->second;
    return foreign_.contains(in_run) || variant_.jobs.contains(in_run) ? "" : in_run;
  }

 private:
  const spec::ReportedVariant& variant_;
  const std::set<std::string>& foreign_;
  std::map<std::string, std::string> own_;
};

// Facts, merges and gates of one variant. Histories stay with the run: they are large.
Results VariantFactsOf(const Results& run, const VariantNames& names) {
  Results part;
  part.title = run.title;
  part.compat = run.compat;
  for (const JobResult& fact : run.jobs) {
    const std::string own = names.Own(fact.name);
    if (own.empty()) continue;
    part.jobs.push_back(fact);
    part.jobs.back().name = own;
  }
  const auto take = [&](JobKind kind, const auto& from, auto* to) {
    for (const auto& [owner, value] : from) {
      const std::string own = names.Own(JobName(kind, owner));
      if (!own.empty()) to->emplace(SubjectOf(own), value);
    }
  };
  take(JobKind::kMerge, run.merges, &part.merges);
  take(JobKind::kGate, run.gates, &part.gates);
  return part;
}

// The name of a model's training in the run: that of its evaluation or, without one, of its job.
std::string TrainingOf(const spec::ReportedModel& model, const VariantNames& names) {
  const std::string evaluate = JobName(JobKind::kEvaluate, model.evaluation);
  const std::string in_run = names.InRun(evaluate);
  if (in_run != evaluate || model.history.empty()) return SubjectOf(in_run);
  return SubjectOf(names.InRun(model.history));
}

// Adds a training to the models of the run, under the names that it has there.
void AddTraining(const ModelResult& model, const std::string& name, const VariantNames& names,
                 Results* run) {
  if (run->FindModel(name) != nullptr) return;
  ModelResult& training = run->models.emplace_back(model);
  training.name = name;
  if (!training.job.empty()) training.job = names.InRun(training.job);
  if (!training.composite.empty())
    training.composite = SubjectOf(names.InRun(JobName(JobKind::kMerge, training.composite)));
}

}  // namespace

Status GatherSweep(const spec::ReportTask& task, const ReadReported& read, Results* run) {
  std::set<std::string> foreign;
  for (const spec::ReportedVariant& variant : task.sweep->variants) {
    for (const auto& [own, name] : variant.jobs) foreign.insert(name);
  }
  auto sweep = std::make_shared<Sweep>();
  for (const spec::ReportedVariant& variant : task.sweep->variants) {
    const VariantNames names(variant, foreign);
    VariantResults& made = sweep->variants.emplace_back();
    made.name = variant.name;
    made.jobs = variant.jobs;
    for (const std::string& axis : task.sweep->axes) {
      if (const auto value = variant.values.find(axis); value != variant.values.end())
        made.values.push_back({axis, value->second});
    }
    made.results = VariantFactsOf(*run, names);
    for (spec::ReportedModel model : variant.models.empty() ? task.models : variant.models) {
      const bool trained = !model.history.empty();
      if (!task.halvings.empty() &&
          IsLeftBehind(names.InRun(JobName(JobKind::kEvaluate, model.evaluation)),
                       trained ? names.InRun(model.history) : "", *run))
        continue;
      made.trainings[model.name] = TrainingOf(model, names);
      model.evaluation = SubjectOf(names.InRun(JobName(JobKind::kEvaluate, model.evaluation)));
      BRAID_RETURN_IF_ERROR(read(model, &made.results));
    }
    if (std::erase(made.results.corpora, kAllText) > 0) made.results.corpora.push_back(kAllText);
    AddCosts(&made.results);
    for (const ModelResult& model : made.results.models)
      AddTraining(model, made.trainings.at(model.name), names, run);
    for (const std::string& corpus : made.results.corpora) {
      if (std::find(run->corpora.begin(), run->corpora.end(), corpus) == run->corpora.end())
        run->corpora.push_back(corpus);
    }
  }
  for (const std::string& axis : task.sweep->axes) {
    std::set<std::string> texts;
    for (const spec::ReportedVariant& variant : task.sweep->variants) {
      const auto value = variant.values.find(axis);
      texts.insert(value == variant.values.end() ? "" : value->second);
    }
    if (texts.size() > 1) sweep->axes.push_back(axis);
  }
  sweep->candidates = CandidatesOf(sweep->variants);
  run->sweep = std::move(sweep);
  return OkStatus();
}

}  // namespace braid::report
