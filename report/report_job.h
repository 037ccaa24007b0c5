// The job `report` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::report {

// Reads the inputs of the task and writes the folder `report` into its output: report.md,
// report.html, report.json, results.md and the plots. Says on the channel that it has succeeded. An
// error, which names file and field, leaves no output that the channel knows of.
Status RunReportJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::report
