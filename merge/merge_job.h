// The job `merge` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::merge {

Status RunMergeJob(const task::Task& task, task::Channel& channel);

// merge.md: the account for people.
std::string AccountMarkdown(const Json& account);

}  // namespace braid::merge
