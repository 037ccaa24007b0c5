// The job `merge` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::merge {

// A job of kind `merge` (docs/tasks.md): plans, writes and verifies the composite, and reports its
// output. Errors name parent, tensor or field; nothing is reported after one.
Status RunMergeJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::merge
