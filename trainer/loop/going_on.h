// A training that goes on with the same text where another one stopped: its input `continue`
// (spec/going_on.h has what the two must have in common).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/shards.h"
#include "spec/going_on.h"
#include "task/task.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

// What tells the shards of one corpus from others: a digest of how they were made and how many they
// are, whatever their files are called.
std::string DigestOf(const corpus::Shards& shards);

// The checkpoint of input `continue` with all from which the training of `note`, which is this
// task's, goes on. kInvalidArgument says what differs, of the settings, the shards, the model or
// the optimizer's state, or that nothing is left to do.
Result<Resumed> ReadContinued(const task::Task& task, const TrainSettings& settings,
                              const spec::TrainingNote& note, const Layout& layout);

}  // namespace braid::trainer
