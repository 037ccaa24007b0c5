// The job `gate` (docs/tasks.md): it runs a merged composite beside its parents and proves that the
// composite contains them.
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::trainer {

// For each parent, on the same tokens: its hidden states after the embedding and after every block
// are bit-equal to those of its path within the composite. For a composite with `connect: slice`
// that was merged without a base, also the logits: they are the mean of the parents' logits (or the
// sum, or the weighted sum, as the connection says), within kLogitTolerance of the largest logit,
// or of 1 if that is larger.
//
// The losses before the first joint step are recorded beside the parents'. Those of `share` and
// `routed` composites are not expected to be near their parents' (docs/papers/papaformer.md#s6). A
// difference is kInvalidArgument: it fails the job with the parent, the layer and the largest
// deviation.
Status RunGateJob(const task::Task& task, task::Channel& channel);

// The relative difference that rounding may cause, because the composite computes in one product of
// width D what the parents compute in N products.
inline constexpr double kLogitTolerance = 1e-5;

}  // namespace braid::trainer
