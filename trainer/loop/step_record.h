// What the ranks measure of a step, and the values of metrics and history that become of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

// One step. Its sums are those of this rank until the ranks have added them up.
struct StepRecord {
  // Requests to stop travel with the losses, so that all ranks see them in the same step and make
  // the same decisions; a rank that stopped alone would leave the others waiting in their next
  // all-reduce. kDivergence is of teachers, and kTaught the number of its targets. kNorm, of the
  // gradient, is of ranks that train by themselves, and the last one.
  enum Sum { kLoss, kLast, kAuxiliary, kDivergence, kTaught, kStop, kCheckpoint, kNorm, kSums };
  using Sums = std::array<double, kSums>;

  int64_t step = 0;  // from 1
  int64_t epoch = 0;
  int64_t micro_batches = 0;
  int64_t tokens = 0;  // of the training, the step's included
  double lr = 0;
  double teachers_weight = 0;
  Sums sums = {};

  // The mean loss over all targets of all ranks. The sums are those of all.
  double Loss(const TrainSettings& settings) const;
  // What is said of the step if its loss or its gradient's norm, `norm`, is not finite; empty if
  // both are.
  std::string Fault(const TrainSettings& settings, double norm) const;
  // Its values by the names of docs/formats.md, "history".
  Json Values(const TrainSettings& settings, int64_t world, double norm) const;
};

// The record of the step on `place`, which follows `step` steps with `tokens` tokens. Nothing is
// measured of it yet.
StepRecord RecordAfter(int64_t step, int64_t tokens, const StepPlace& place,
                       const TrainSettings& settings);

// Makes the sums of the records those of all ranks, by one operation. All ranks have as many.
Status AddUp(Collective& collective, std::vector<StepRecord>* records);

}  // namespace braid::trainer
