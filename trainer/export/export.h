// The job `export` (docs/tasks.md), which makes a Hugging Face folder from a checkpoint.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

// Writes the output `model`, of kind "model". Errors are those of ExportHuggingFace.
Status RunExportJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::trainer
