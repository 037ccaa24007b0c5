// The job `gate` (docs/tasks.md): proves by running them that a composite holds its parents.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

// For each parent: on the same tokens, its hidden states after the embedding and after every block are bit-equal to those
// of its slice of the composite. Step-0 losses are recorded beside the parents' (they are not expected to be equal:
// PaPaformer section 6). A difference fails the job with the parent, the layer and the largest deviation.
Status RunGateJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::trainer
