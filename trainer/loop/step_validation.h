// The losses on held-out text behind a step of a training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "task/channel.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/settings.h"
#include "trainer/loop/stop_vote.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// What became of one validation.
struct ValidationOutcome {
  // A stop has interrupted it, on all ranks alike.
  bool abandoned = false;
  // What is said of a loss that is not finite; empty if all are.
  std::string fault;
};

// Measures the losses after step `step` of all ranks together, and puts them into `values` by the
// names of docs/formats.md, "history". `vote` decides whether a stop interrupts it.
Result<ValidationOutcome> ValidateStep(int64_t step, const TrainSettings& settings,
                                       const std::vector<const corpus::Shards*>& corpora,
                                       Network& network, Collective& collective, StopVote& vote,
                                       Json* values);

}  // namespace braid::trainer
