// The job `evaluate` (docs/tasks.md): it measures a checkpoint with the evaluations that its spec
// has.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

// Writes the output `evaluation`. It resumes from the pieces in task.resume, and after a request to
// stop it writes a checkpoint and returns kCancelled. All inputs are checked before the first
// measurement.
Status RunEvaluateJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::trainer
