#include "recipe/graph/dag.h"

#include <set>

#include "base/text.h"

namespace braid::recipe {

const JobNode* Dag::Find(const std::string& name) const {
  for (const JobNode& job : jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

Result<Dag> Only(const Dag& dag, const std::vector<std::string>& only) {
  if (only.empty()) return dag;
  std::set<std::string> wanted;
  std::vector<std::string> names;
  for (const JobNode& job : dag.jobs) names.push_back(job.name);
  for (const std::string& name : only) {
    if (dag.Find(name) == nullptr) {
      const std::string near = NearestWord(name, names);
      return NotFound(
          "the recipe has no job \"" + name + "\"" +
          (near.empty() ? "; it has " + Join(names, ", ") : "; did you mean " + near + "?"));
    }
    wanted.insert(name);
  }
  // Backwards through the topological order, one pass finds all ancestors.
  for (auto job = dag.jobs.rbegin(); job != dag.jobs.rend(); ++job) {
    if (wanted.contains(job->name)) wanted.insert(job->parents.begin(), job->parents.end());
  }
  Dag part;
  part.run = dag.run;
  part.max_duration_s = dag.max_duration_s;
  std::set<std::string> sources;
  for (const JobNode& job : dag.jobs) {
    if (!wanted.contains(job.name)) continue;
    for (const auto& [role, input] : job.inputs) sources.insert(input.source);
    part.jobs.push_back(job);
  }
  for (const Source& source : dag.sources) {
    if (sources.contains(source.name())) part.sources.push_back(source);
  }
  for (const PlannedModel& model : dag.models) {
    if (part.Find(model.job) != nullptr) part.models.push_back(model);
  }
  for (const Caution& caution : dag.cautions) {
    if (part.Find(caution.job) != nullptr) part.cautions.push_back(caution);
  }
  for (const Refusal& refusal : dag.refusals) {
    if (part.Find(refusal.job) != nullptr) part.refusals.push_back(refusal);
  }
  for (PlannedVariant variant : dag.variants) {
    std::erase_if(variant.jobs, [&](const auto& job) { return !wanted.contains(job.second); });
    if (!variant.jobs.empty()) part.variants.push_back(std::move(variant));
  }
  return part;
}

}  // namespace braid::recipe
