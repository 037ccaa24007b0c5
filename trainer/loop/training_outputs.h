// What a finished training hands over: its model and its history.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/settings.h"
#include "trainer/network/layout.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// A training at its end.
struct FinishedTraining {
  const TrainSettings& settings;
  const Layout& layout;
  const OptimizerSnapshot& snapshot;
  const TrainState& state;
  // The text of history.jsonl, and the metrics of its last line.
  const std::string& history;
  const Json& last_values;
};

// Writes the outputs `model` and `history` below task.output, and tells the channel of them and of
// the success. Errors are those of the files.
Status WriteOutputs(const FinishedTraining& finished, const task::Task& task,
                    task::Channel& channel);

}  // namespace braid::trainer
