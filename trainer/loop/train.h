// The jobs `train` and `joint` (docs/tasks.md): one rank of a data-parallel training, or a training
// on one process.
#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

// Runs the training to its end and writes the outputs `model` and `history`. Resumes from
// task.resume, or starts from the input `init`, if the task has one. Blocks; called once in a
// process. After a request to stop it returns kCancelled, with a checkpoint unless no step was
// done. Errors about inputs come before the first step and name file and field; a loss that is not
// finite is kInvalidArgument and names the last good checkpoint; other errors are those of the
// collective operations, when a peer is lost.
Status RunTrainJob(const task::Task& task, task::Channel& channel);
// The same with another clock, for tests.
Status RunTrainJob(const task::Task& task, task::Channel& channel, const Clock& clock);

}  // namespace braid::trainer
