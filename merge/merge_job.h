// The job `merge` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::merge {

Status RunMergeJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::merge
