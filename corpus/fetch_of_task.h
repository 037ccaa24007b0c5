// What the jobs of braid-prepare fetch with. Internal to corpus/.
#pragma once

#include "base/status.h"
#include "corpus/input_files.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::corpus {

// Fetches by the rules of the task's worker until the task is asked to stop. `channel` outlives it.
// In a build without libcurl that is kUnimplemented.
Result<FetchFile> FetchOfTask(const task::Task& task, const task::Channel& channel);

}  // namespace braid::corpus
