// The job `report` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::report {

Status RunReportJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::report
