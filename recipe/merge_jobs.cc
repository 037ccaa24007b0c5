#include "recipe/merge_jobs.h"

#include <set>

namespace braid::recipe {
namespace {

JobNode MergeJob(const Merge& merge) {
  JobNode job;
  job.name = "merge:" + merge.name;
  job.kind = "merge";
  Json parents = Json::array();
  for (const auto& [name, checkpoint] : merge.parents) {
    parents.push_back(name);
    job.inputs["parent." + name] = checkpoint;
  }
  job.spec = {{"model", model::ToJson(merge.model)},
              {"seed", merge.seed},
              {"parents", parents},
              {"carry_optimizer", merge.carry_optimizer}};
  if (merge.base.has_value()) {
    job.spec["base"] = true;
    job.inputs["base"] = *merge.base;
  }
  return job;
}

JobNode GateJob(const Merge& merge, const JobNode& merged) {
  JobNode job;
  job.name = "gate:" + merge.name;
  job.kind = "gate";
  job.inputs = merged.inputs;
  job.inputs.erase("base");  // parents are proved; of the base there is the account
  job.inputs["model"] = {merged.name, "model", "", ""};
  for (const auto& [corpus, shards] : merge.data) job.inputs["data." + corpus] = shards;
  job.spec = {{"parents", merged.spec["parents"]}, {"sequences", 8}, {"sequence", merge.sequence}};
  if (merge.base.has_value()) job.spec["base"] = true;
  return job;
}

JobNode JointJob(const Merge& merge, const JobNode& merged, const JobNode& gate) {
  const JointPhase& phase = *merge.joint;
  JobNode job;
  job.name = "joint:" + merge.name;
  job.kind = "joint";
  job.ranks = phase.settings.ranks;
  job.slots_per_rank = phase.settings.slots;
  job.device = phase.settings.device;
  job.inputs["tokenizer"] = phase.tokenizer;
  job.inputs["init"] = {merged.name, "model", "", ""};
  Json sources = Json::array();
  for (const auto& [corpus, shards] : merge.data) {
    job.inputs["data." + corpus] = shards;
    sources.push_back({{"role", "data." + corpus}, {"share", "joint"}});
  }
  job.parents = {gate.name};  // no joint training of a composite that is not proved
  job.spec = {{"model", model::ToJson(merge.model)},
              {"seed", merge.seed},
              {"data",
               {{"sequence", merge.sequence},
                {"sources", sources},
                {"seed", merge.seed},
                {"split", {{"paths", phase.split_paths}, {"unit", phase.split_unit}}}}},
              {"train", phase.settings.train},
              {"loss_average", phase.loss_average}};
  return job;
}

}  // namespace

std::vector<JobNode> MergeJobs(const Merge& merge) {
  std::vector<JobNode> jobs = {MergeJob(merge)};
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
