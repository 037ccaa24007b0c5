// The exit codes of braid, which are part of its interface (docs/operating.md).
#pragma once

#include "base/status.h"
#include "braid/v1/runs.pb.h"

namespace braid::cli {

// For scripts: kUnavailableExit and kUnfinishedExit are the two after which the same command may
// end otherwise. A number never gets another meaning.
enum ExitCode {
  kOkExit = 0,
  kErrorExit = 1,
  kUsageExit = 2,        // the words of the command were not understood
  kNotFoundExit = 3,     // no such run, job, artifact or file
  kDeniedExit = 4,       // no token, or a wrong one
  kConflictExit = 5,     // in a state that does not allow it
  kUnavailableExit = 6,  // the coordinator does not answer, or not in time
  kUnfinishedExit = 8,   // the run goes on
  kRunFailedExit = 10,
  kRunCancelledExit = 11,
  kUnschedulableExit = 12  // no worker can ever run a job of it
};

// How a command ends with an error, and how one that followed `run` does.
int ExitCodeOf(const Status& status);
// The exit code for the state of a run.
int ExitCodeOf(const v1::Run& run);

}  // namespace braid::cli
