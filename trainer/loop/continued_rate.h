// `lr_schedule: continue`: the rate with which a training begins is that of the last step of the
// training that made its input `init`.
#pragma once

#include "base/status.h"
#include "task/task.h"
#include "trainer/optim/schedule.h"

namespace braid::trainer {

// Sets `lr` of a schedule that continues from `rate` in state.json of input `init`; a merge has put
// the lowest of its parents' there. Other schedules stay as they are. kInvalidArgument if there is
// no such input, if it has no rate, or if lr_min or warmup_start is above it.
Status ContinueRate(const task::Task& task, Schedule* schedule);

}  // namespace braid::trainer
