#include "report/results/cost.h"

#include <algorithm>
#include <set>

#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::report {
namespace {

using task::JobKind;
using task::JobName;

int64_t TokensOf(const JobResult* job) {
  return job == nullptr ? 0 : job->tokens();
}
double SecondsOf(const JobResult* job) {
  return job == nullptr ? 0 : std::max(0.0, job->training_seconds());
}

double CoreSecondsOf(const JobResult* job) {
  return job == nullptr ? 0 : SecondsOf(job) * static_cast<double>(job->cores());
}

double Rate(int64_t tokens, double seconds) {
  return tokens > 0 && seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

// Of a training that goes on, the part before took its time in another run.
bool TimeIsKnown(const JobResult* job) {
  return job != nullptr && job->training_seconds() >= 0 && job->tokens_before() == 0;
}

// The training of this run with whose model another one began, a seed model's; null: none did.
const JobResult* StartOf(const Results& results, const JobResult& job) {
  const auto init = job.inputs.find(task::role::kInit);
  if (!task::IsKind(job.kind, JobKind::kTrain) || init == job.inputs.end()) return nullptr;
  for (const JobResult& other : results.jobs) {
    const auto model = other.outputs.find(task::role::kModel);
    if (task::IsKind(other.kind, JobKind::kTrain) && model != other.outputs.end() &&
        model->second == init->second)
      return &other;
  }
  return nullptr;
}

// Sums over the paths of a composite. A path that was not trained in this run (`from`, or kept of a
// `base`) has unknown costs, and so the sums are unknown.
struct PathSums {
  bool tokens_known = true, times_known = true;
  int64_t tokens = 0, cores = 0;
  double longest = 0, total = 0;

  void Add(const JobResult& job) {
    tokens += job.tokens();
    total += SecondsOf(&job);
  }
};

PathSums SumPaths(const Results& results, const ModelResult& composite) {
  PathSums sums;
  const JobResult* merge = results.FindJob(JobName(JobKind::kMerge, composite.composite));
  const std::vector<std::string> paths = results.PathsOf(composite);
  // What a base was trained on and how long is not a part of this run.
  if (paths.empty() || (merge != nullptr && merge->inputs.contains(task::role::kBase)))
    sums.tokens_known = sums.times_known = false;
  std::set<const JobResult*> starts;  // what several paths begin with was trained once
  for (const std::string& path : paths) {
    const JobResult* job = results.FindJob(path);
    sums.tokens_known = sums.tokens_known && TokensOf(job) > 0;
    sums.times_known = sums.times_known && TimeIsKnown(job);
    if (job == nullptr) continue;
    sums.Add(*job);
    sums.cores += job->cores();
    const JobResult* start = StartOf(results, *job);
    sums.longest = std::max(sums.longest, SecondsOf(start) + SecondsOf(job));
    if (start != nullptr && starts.insert(start).second) sums.Add(*start);
  }
  return sums;
}

void AddToComposite(const Results& results, ModelResult* model) {
  const PathSums paths = SumPaths(results, *model);
  const JobResult* joint = model->role == Role::kComposite ? results.FindJob(model->job) : nullptr;
  if (paths.tokens_known) model->tokens = paths.tokens + TokensOf(joint);
  if (paths.times_known) {
    double own = SecondsOf(results.FindJob(JobName(JobKind::kMerge, model->composite)));
    if (joint != nullptr)
      own += SecondsOf(results.FindJob(JobName(JobKind::kGate, model->composite))) +
             SecondsOf(joint);
    // Paths run side by side, the joint phase after them: the larger of the two is what has to be
    // there.
    model->cores = std::max(paths.cores, joint == nullptr ? int64_t{0} : joint->cores());
    model->seconds = paths.longest + own;
    model->in_turn_seconds = paths.total + own;
    model->stage_1_seconds = paths.longest;
    model->core_seconds = 0;
    for (const JobResult* job : JobsOf(results, *model)) model->core_seconds += CoreSecondsOf(job);
  }
  if (joint == nullptr || joint->training_seconds() < 0) return;
  model->stage_2_seconds = joint->training_seconds();
  model->tokens_per_second = Rate(TokensOf(joint), joint->training_seconds());
}

void AddToModel(const Results& results, ModelResult* model) {
  if (model->composed()) return AddToComposite(results, model);
  const JobResult* job = model->job.empty() ? nullptr : results.FindJob(model->job);
  if (job == nullptr) return;
  const JobResult* start = StartOf(results, *job);
  model->tokens = TokensOf(start) + TokensOf(job);
  model->cores = job->cores();
  model->tokens_per_second = Rate(TokensOf(job) - job->tokens_before(), job->training_seconds());
  if (!TimeIsKnown(job)) return;
  // A model that is no composite has one stage, whose time is its whole time.
  model->seconds = model->in_turn_seconds = SecondsOf(start) + job->training_seconds();
  model->core_seconds = CoreSecondsOf(start) + CoreSecondsOf(job);
  const bool first = model->role == Role::kPath || model->role == Role::kSeedModel;
  (first ? model->stage_1_seconds : model->stage_2_seconds) = model->seconds;
}

void Compare(const ModelResult& composite, const ModelResult& dense, Results* results) {
  if (composite.seconds <= 0 || dense.seconds <= 0 || composite.cores == 0 || dense.cores == 0)
    return;
  SpeedComparison speed;
  speed.composite = composite.name;
  speed.dense = dense.name;
  speed.cores = composite.cores;
  speed.critical_path = composite.seconds;
  speed.one_after_another = composite.in_turn_seconds;
  speed.composite_core_seconds = composite.core_seconds;
  speed.dense_cores = dense.cores;
  speed.dense_seconds = dense.seconds;
  speed.dense_equal_cores = dense.seconds * static_cast<double>(dense.cores) /
                            static_cast<double>(composite.cores);
  results->speed.push_back(speed);
}

}  // namespace

std::vector<const JobResult*> JobsOf(const Results& results, const ModelResult& model) {
  std::vector<std::string> names;
  if (model.composed()) {
    names = results.PathsOf(model);
    names.push_back(JobName(JobKind::kMerge, model.composite));
    if (model.role == Role::kComposite) names.push_back(JobName(JobKind::kGate, model.composite));
  }
  if (!model.job.empty() && model.role != Role::kCompositeStart) names.push_back(model.job);
  std::vector<const JobResult*> jobs;
  const auto once = [&](const JobResult* job) {
    if (job != nullptr && std::find(jobs.begin(), jobs.end(), job) == jobs.end())
      jobs.push_back(job);
  };
  for (const std::string& name : names) {
    const JobResult* job = results.FindJob(name);
    if (job != nullptr) once(StartOf(results, *job));
    once(job);
  }
  return jobs;
}

void AddCosts(Results* results) {
  for (ModelResult& model : results->models) AddToModel(*results, &model);
  for (const ModelResult* composite : results->WithRole(Role::kComposite)) {
    for (const ModelResult* dense : results->WithRole(Role::kDense))
      Compare(*composite, *dense, results);
  }
}

}  // namespace braid::report
