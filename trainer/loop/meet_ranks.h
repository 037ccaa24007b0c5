// How the ranks of a training meet before its first step.
#pragma once

#include <memory>

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"
#include "trainer/collective/collective.h"

namespace braid::trainer {

// Waits for all ranks. `alone`: they train by themselves between outer steps. Errors are those of
// the ranks' communication.
Result<std::unique_ptr<Collective>> MeetRanks(const task::Task& task, task::Channel& channel,
                                              bool alone);

}  // namespace braid::trainer
