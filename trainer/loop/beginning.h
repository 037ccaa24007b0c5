// Where a training begins: with initial values, with the weights of another model, or where a
// checkpoint, a rung or a shorter training has ended.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "task/task.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/opened_training.h"
#include "trainer/loop/outer_steps.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/weight_average.h"

namespace braid::trainer {

// What has a state to begin with.
struct TrainingParts {
  const task::Task& task;
  const OpenedTraining& opened;
  Network& network;
  Optimizer& optimizer;
  WeightAverage& average;
  // Null without outer steps.
  OuterSteps* outer;
};

// What has been done before; all empty for a training that begins anew.
struct Beginning {
  // Whether nothing was done before, so that the weights are those from which the training starts.
  bool anew = false;
  TrainState state;
  // The text of history.jsonl, and the values of its last line.
  std::string history;
  Json last_values = Json::object();
  // Step of the checkpoint of this job; 0: there is none.
  int64_t resumed_step = 0;
};

// Puts the parts into the state from which the training goes on. A checkpoint of this training goes
// before what it begins with. kInvalidArgument if what is there does not fit, saying what differs.
Result<Beginning> BeginTraining(const TrainingParts& parts);

}  // namespace braid::trainer
