// The frame of a task program: `braid-xxx TASK.json` reads the task, runs its kind, and ends as
// docs/tasks.md says.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/status.h"
#include "task/channel.h"
#include "task/job_kind.h"
#include "task/task.h"

namespace braid::task {

// Does the job: reports progress and outputs, ends with Channel::Succeed, or returns what went
// wrong.
using Job = std::function<Status(const Task&, Channel&)>;

// Runs the task of the file and returns the exit code. Failures are sorted by their code: bad input
// is the user's and deterministic, a full disk or a lost connection is infra, kCancelled a clean
// stop, kAborted a lost peer (exit 75). Two reasons say more than the code: OUT_OF_MEMORY is the
// user's but may pass, DEVICE_UNUSABLE is infra and sure to come again on this machine. What a job
// throws ends it, not the program: std::bad_alloc is OUT_OF_MEMORY, anything else kInternal.
int RunTaskProgram(const std::string& program, const std::string& task_file,
                   const std::map<JobKind, Job>& kinds);

// What to do about an error, for people; may be empty.
std::string HintFor(const Status& status);

}  // namespace braid::task
