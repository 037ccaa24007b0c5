// The jobs `tokenizer` and `prepare` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::corpus {

Status RunTokenizerJob(const task::Task& task, task::Channel& channel);
Status RunPrepareJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::corpus
