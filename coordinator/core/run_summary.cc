#include "coordinator/core/run_summary.h"

namespace braid::coordinator {

using task::JobSummary;
using task::RunSummary;

RunSummary RunSummaryOf(const std::string& id, const State& state) {
  const RunRecord& run = *state.FindRun(id);
  RunSummary summary{run.id, run.name, run.created_ms, {}};
  for (const JobRecord* job : state.JobsOf(id)) {
    const auto attempts = state.AttemptsOf(job->key);
    JobSummary one{*job};
    one.name = job->key.job;
    one.state = Name(job->state);
    one.parents = job->parents;
    one.attempts = static_cast<int64_t>(attempts.size());
    // From the first start to the end is the time that the job took, lost attempts included; the
    // worker is the one that finished it.
    if (!attempts.empty()) {
      one.worker = attempts.back()->workers[0];
      one.started_ms = attempts.front()->started_ms;
    }
    one.ended_ms = job->ended_ms;
    one.inputs = job->inputs;
    one.outputs = job->outputs;
    one.summary_json = job->summary;
    summary.jobs.push_back(std::move(one));
  }
  return summary;
}

}  // namespace braid::coordinator
