// The jobs `train` and `joint` (docs/tasks.md): one rank of a data-parallel training, or the only one.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

Status RunTrainJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::trainer
