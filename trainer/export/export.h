// The job `export` (docs/tasks.md): a checkpoint becomes a Hugging Face folder.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

Status RunExportJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::trainer
