// Decisions on whole runs: what users ask for.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"
#include "recipe/graph/dag.h"

namespace braid::coordinator {

struct SubmitCommand {
  recipe::Dag dag;     // already cut to what was asked for
  std::string recipe;  // the text, or empty
  StringMap sources;   // source name -> artifact id
  std::vector<std::string> only;
  int64_t priority = 0;  // against other runs: higher goes first
  std::string user;      // who submits it, as the client says
};
// Returns the new run's id. kFailedPrecondition (BLOB_MISSING) names a source that is not a
// committed artifact, kInvalidArgument (INVALID_RECIPE) a name that two jobs would have.
Result<std::string> Submit(const SubmitCommand& command, Transaction& tx);

// The records that Submit would create, without ids or times of their own. For validate_only.
Result<std::vector<JobRecord>> JobsOfDag(const SubmitCommand& command, const std::string& run,
                                         const State& state, int64_t now_ms);

// Jobs that do not run end at once; attempts are asked to stop. kFailedPrecondition
// (TERMINAL_STATE) for an ended run.
Status Cancel(const std::string& run, Transaction& tx);

// A new run that adopts every success of an ended one. Returns its id.
Result<std::string> Retry(const std::string& run, Transaction& tx);

// After a job of the run has ended (or was created): children whose parents all succeeded are
// queued with their inputs, children of a job that ended otherwise are skipped, and a run without
// live jobs ends.
void Propagate(const std::string& run, Transaction& tx);

}  // namespace braid::coordinator
