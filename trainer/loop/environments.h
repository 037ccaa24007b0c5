// Where the parts of a training ran. Bits of the losses depend on it (Environment, checkpoint.h).
#pragma once

#include <string>

#include "base/status.h"
#include "spec/train.h"
#include "task/task.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {

// That of this process, for a training in this precision.
Environment EnvironmentOf(const task::Task& task, spec::Precision precision);

// Keeps the environment of a checkpoint among the earlier ones, with a warning in the job's log, if
// that of this process, `now`, is another.
void NoteChange(const task::Task& task, const Environment& now, TrainState* state);

// Warns in the job's log if products in this precision take several steps on this processor.
void WarnOfSlowProducts(const task::Task& task, spec::Precision precision);

// Ranks that do not have their weights in common make the whole update of a replica each; other
// instructions round it differently, so that the replicas are equal no more, if only in their last
// bits. Warns of that in the job's log, if
// `drifts`, and notes it in `here`. Outer steps have the same bits on every processor, and bring
// the replicas together. All ranks call it together. Errors are those of the collective operation.
Status CompareRanks(const task::Task& task, spec::Precision precision, bool drifts,
                    Collective& collective, Environment* here);

}  // namespace braid::trainer
