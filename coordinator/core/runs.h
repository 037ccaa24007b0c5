// Decisions about whole runs: submission, cancellation, retry, and the progress of a run from job
// to job. They run in the core's thread.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"
#include "recipe/graph/dag.h"

namespace braid::coordinator {

// A submission, checked and expanded to its graph of jobs.
struct SubmitCommand {
  // The jobs to run. A submission of a part of a recipe (`only`) has been cut to that part already.
  recipe::Dag dag;
  // The text of the recipe file; empty if the run was made in another way (StartMerge).
  std::string recipe;
  // Name of a source in the recipe to the id of the artifact that holds its files.
  StringMap sources;
  // The targets that the user asked for; empty for all. Stored for people; the graph is cut
  // already.
  std::vector<std::string> only;
  // Runs of a higher priority are scheduled first. Its magnitude is at most recipe::kMaxPriority.
  int64_t priority = 0;
  // Running jobs of a lower priority may be stopped for this run's.
  bool preempts = true;
  // The name that the client reports; shares of the cluster are counted by it.
  std::string user;
  // RunRecord has them; here in any order.
  std::vector<std::string> tags;
  // RunRecord has it.
  std::string traceparent;
};
// Creates the run and its jobs, and queues the jobs without parents. Returns the new run's id.
// Errors: kFailedPrecondition (BLOB_MISSING) for a source that is no committed artifact,
// kInvalidArgument (INVALID_RECIPE) for two jobs of one name, kInvalidArgument for a priority or
// user name out of range and for tags that cannot be (recipe/tags.h), kResourceExhausted for a
// quota (core/quotas.h).
Result<std::string> Submit(const SubmitCommand& command, Transaction& tx);

// The job records that Submit would create for run id `run`, with the errors of Submit. Changes
// nothing; for requests that only validate. `now_ms` is the wall clock, in milliseconds.
Result<std::vector<JobRecord>> JobsOfDag(const SubmitCommand& command, const std::string& run,
                                         const State& state, int64_t now_ms);

// Cancels a run. Jobs without an attempt end at once; running attempts are asked to stop, and their
// jobs end when they have. Repeated requests succeed. kNotFound for an unknown run,
// kFailedPrecondition (TERMINAL_STATE) for one that has ended.
Status Cancel(const std::string& run, Transaction& tx);

// Creates a new run from one that failed or was cancelled. It adopts every job that succeeded,
// outputs included; the other jobs run again, from their newest checkpoint where their inputs are
// the same. Returns the new run's id. kFailedPrecondition for a run that is active, or
// (TERMINAL_STATE) that succeeded; kResourceExhausted as of Submit. `traceparent`: RunRecord has
// it.
Result<std::string> Retry(const std::string& run, Transaction& tx,
                          const std::string& traceparent = "");

// Moves a run on after jobs were created or ended. A job whose parents have all succeeded is queued
// with their outputs as its inputs; a training that is compared with others at a rung
// (core/rungs.h) only if it is one of the best there, and it is left behind otherwise. A job with a
// parent that failed is skipped; one with a parent that was left behind is left behind, too, unless
// it is a report, which tells of what there is. A run all of whose jobs have ended ends; jobs that
// were left behind are no failure of it as long as one trial came to its end.
void Propagate(const std::string& run, Transaction& tx);

}  // namespace braid::coordinator
