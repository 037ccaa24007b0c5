// What a job keeps in memory, for the message of one that had too little.
#pragma once

#include <string>

#include "base/status.h"
#include "model/spec.h"
#include "task/task.h"

namespace braid::trainer {

// What one process holds besides the intermediate values of a pass.
struct MemoryNeeds {
  int64_t parameters = 0;  // bytes
  int64_t gradients = 0;
  int64_t moments = 0;  // the optimizer's state; 0 for jobs that do not train
};
// `optimizer` is the name of the one that trains the model, or empty for jobs that do not train.
MemoryNeeds NeedsOf(const model::ModelSpec& spec, const std::string& optimizer);

// `error` as it is, unless it is OUT_OF_MEMORY: then with the sizes of what the task's model needs
// and with what to do. Reads the model again, so call it when the job's own memory has been given
// back.
Status ExplainMemory(const Status& error, const task::Task& task);
// The same for a checkpoint folder that is used by hand.
Status ExplainMemory(const Status& error, const std::string& folder);

}  // namespace braid::trainer
