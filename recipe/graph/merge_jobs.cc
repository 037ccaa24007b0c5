#include "recipe/graph/merge_jobs.h"

#include <set>

#include "schema/schema.h"
#include "spec/merge.h"
#include "spec/train.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

namespace role = task::role;

JobNode MergeJob(const Merge& merge) {
  JobNode job;
  job.name = task::JobName(task::JobKind::kMerge, merge.name);
  job.kind = NameOf(task::JobKind::kMerge);
  spec::MergeTask task{.model = model::ToJson(merge.model),
                       .seed = merge.seed,
                       .carry_optimizer = merge.carry_optimizer,
                       .base = merge.base.has_value()};
  for (const auto& [name, checkpoint] : merge.parents) {
    task.parents.push_back(name);
    job.inputs[role::Parent(name)] = checkpoint;
  }
  if (merge.base.has_value()) job.inputs[role::kBase] = *merge.base;
  job.spec = schema::ToJson(task);
  return job;
}

JobNode GateJob(const Merge& merge, const JobNode& merged) {
  JobNode job;
  job.name = task::JobName(task::JobKind::kGate, merge.name);
  job.kind = NameOf(task::JobKind::kGate);
  job.inputs = merged.inputs;
  // The gate compares the composite with its parents only; what came from the base is in the
  // account of the merge.
  job.inputs.erase(role::kBase);
  job.inputs[role::kModel] = {merged.name, role::kModel, "", ""};
  for (const auto& [corpus, shards] : merge.data) job.inputs[role::Data(corpus)] = shards;
  spec::GateTask task{.base = merge.base.has_value(), .sequence = merge.sequence};
  for (const auto& [name, checkpoint] : merge.parents) task.parents.push_back(name);
  job.spec = schema::ToJson(task);
  return job;
}

// The joint phase reads of each corpus the part that no path has read
// (docs/papers/papaformer.md#s4).
JobNode JointJob(const Merge& merge, const JobNode& merged, const JobNode& gate) {
  const JointPhase& phase = *merge.joint;
  JobNode job;
  job.name = task::JobName(task::JobKind::kJoint, merge.name);
  job.kind = NameOf(task::JobKind::kJoint);
  job.ranks = static_cast<int32_t>(phase.settings.ranks);
  job.slots = phase.settings.slots;
  job.device = phase.settings.device;
  job.across_sites = phase.settings.across_sites;
  job.inputs[role::kTokenizer] = phase.tokenizer;
  job.inputs[role::kInit] = {merged.name, role::kModel, "", ""};
  spec::TrainTask task{.model = model::ToJson(merge.model),
                       .seed = merge.seed,
                       .train = phase.settings,
                       .loss_average = phase.loss_average};
  task.data.sequence = merge.sequence;
  task.data.split = phase.split;
  task.data.seed = merge.seed;
  for (const auto& [corpus, shards] : merge.data) {
    job.inputs[role::Data(corpus)] = shards;
    task.data.sources.push_back({role::Data(corpus), spec::SplitPart::kJoint});
  }
  if (phase.settings.teaching() != nullptr) {
    for (const auto& [name, checkpoint] : merge.parents) {
      job.inputs[role::Parent(name)] = checkpoint;
      task.lessons.push_back({role::Parent(name), role::Data(merge.corpora_of_parents.at(name))});
    }
  } else {
    task.train.teachers.reset();  // a weight of 0 is the same job as no teachers
  }
  // No joint training begins on a composite that is not proved.
  job.parents = {gate.name};
  job.spec = schema::ToJson(task);
  return job;
}

}  // namespace

std::vector<JobNode> MergeJobs(const Merge& merge) {
  std::vector<JobNode> jobs = {MergeJob(merge)};
  // Without text nothing can be compared, and a composite that was not compared is not trained.
  if (!merge.data.empty()) {
    jobs.push_back(GateJob(merge, jobs[0]));
    if (merge.joint.has_value()) jobs.push_back(JointJob(merge, jobs[0], jobs[1]));
  }
  for (JobNode& job : jobs) LinkParents(&job);
  return jobs;
}

void LinkParents(JobNode* job) {
  std::set<std::string> parents(job->parents.begin(), job->parents.end());
  for (const auto& [role, input] : job->inputs) {
    if (!input.job.empty()) parents.insert(input.job);
  }
  job->parents.assign(parents.begin(), parents.end());
}

}  // namespace braid::recipe
