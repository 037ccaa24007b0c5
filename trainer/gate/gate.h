// The job `gate` (docs/tasks.md): proves by running them that a composite holds its parents.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

// For each parent: on the same tokens, its hidden states after the embedding and after every block
// are bit-equal to those of its slice of the composite. A `slice` composite without a base also
// starts as its parents: its logits are the mean of theirs (or the sum, or weighed as its
// connection says), up to kLogitTolerance of the largest of them, or of 1. Step-0 losses are
// recorded beside the parents' (those of share and routed composites are not expected to be near:
// docs/papers/papaformer.md#s6). A difference fails the job with the parent, the layer and the
// largest deviation.
Status RunGateJob(const task::Task& task, task::Channel& channel);

// What adding up N slices in one product instead of N may change, relative to the largest logit.
inline constexpr double kLogitTolerance = 1e-5;

}  // namespace braid::trainer
