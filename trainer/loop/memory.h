// The memory that a job needs, for the error message of one that ran out of it.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "model/spec.h"
#include "spec/train.h"
#include "task/task.h"

namespace braid::trainer {

// Bytes that one process holds besides the activations of a pass. Ranks of one host that have met
// may hold the parameters and the moments once for all of them (Collective::ShareValues).
struct MemoryNeeds {
  int64_t parameters = 0;
  int64_t gradients = 0;
  // The optimizer's state; 0 for jobs that do not train.
  int64_t moments = 0;
  // The mean of the weights; 0 for jobs that make none.
  int64_t average = 0;
  // The weights of the last outer step and their momentum; 0 for jobs without outer steps.
  int64_t outer = 0;
};
// `optimizer` is that of the training; nullopt for jobs that do not train. `averages`: the training
// makes a mean of its weights; `outer_steps`: its ranks agree by outer steps.
MemoryNeeds NeedsOf(const model::ModelSpec& spec, std::optional<spec::OptimizerKind> optimizer,
                    bool averages = false, bool outer_steps = false);

// Returns `error`; if that is OUT_OF_MEMORY, with the sizes that the task's model needs and with
// advice. Reads the model again, so it is to be called when the memory of the job has been
// released.
Status ExplainMemory(const Status& error, const task::Task& task);
// The same for a command on a checkpoint folder.
Status ExplainMemory(const Status& error, const std::string& folder);

}  // namespace braid::trainer
