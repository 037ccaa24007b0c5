// The weights with which a training begins that continues from input `init`.
#pragma once

#include "base/status.h"
#include "task/task.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Loads the weights of input `init`, and what of its optimizer's state the settings ask for
// (TakeStartMoments). kInvalidArgument says in which fields the two models differ.
Status LoadStart(const task::Task& task, const TrainSettings& settings, Network* network,
                 Optimizer* optimizer);

}  // namespace braid::trainer
