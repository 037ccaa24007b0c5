// The jobs `train` and `joint` (docs/tasks.md): one rank of a data-parallel training, or the only
// one.
#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

Status RunTrainJob(const task::Task& task, task::Channel& channel);
// The same with time as `clock` has it.
Status RunTrainJob(const task::Task& task, task::Channel& channel, const Clock& clock);

}  // namespace braid::trainer
