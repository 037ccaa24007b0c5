// The optimizer's state with which a training begins that continues from input `init`.
#pragma once

#include <string>

#include "base/status.h"
#include "trainer/loop/settings.h"
#include "trainer/network/layout.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Takes over the optimizer's state in `folder`, for the tensors for which it has all states that
// this training's optimizer keeps, as start_moments and the groups of the settings say: a tensor
// whose group resets it begins at zero, with age 0. Adds a line to the log of `job`.
// kInvalidArgument if the settings need a state and there is none.
Status TakeStartMoments(const TrainSettings& settings, const std::string& folder,
                        const Layout& layout, const std::string& job, Optimizer* optimizer);

}  // namespace braid::trainer
