// The job `evaluate` (docs/tasks.md): losses on the documents set aside, samples, BLiMP, GLUE and
// SuperGLUE, routing.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

Status RunEvaluateJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::trainer
