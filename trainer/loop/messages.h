// What a training says to people: when it begins, is stopped, or has diverged.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "task/task.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

// Its size, length and ranks, in a line for the log.
std::string DescriptionOf(const task::Task& task, const TrainSettings& settings,
                          const StepPlan& plan, const Environment& environment);

// The status of a training whose losses or gradients are not finite: `what` says which. `last_good`
// is the step of its last checkpoint, 0 if there is none.
Status DivergedStatus(const std::string& what, int64_t last_good, const TrainSettings& settings);

// The status of one that was stopped after step `step` (0: within its first). `skipped`: the disk
// had no room for the checkpoint.
Status StoppedStatus(int64_t step, const StepPlan& plan, bool skipped);

}  // namespace braid::trainer
