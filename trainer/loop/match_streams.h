// The scaling of a composite's maps before its joint phase (`match_rms` of docs/recipe.md).
#pragma once

#include "base/status.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/opened_training.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// With settings.match_rms, does Network::MatchRms with the first sequences of the training, four
// for each corpus. Rank 0 measures, and all ranks scale by what it found, so that they begin with
// the same weights on any processors. All ranks call it together; errors are those of their
// communication, and of reading the text.
Status MatchStreams(const OpenedTraining& opened, Collective& collective, Network* network);

}  // namespace braid::trainer
