// The spec of a train or joint job, checked (docs/tasks.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/dataset.h"
#include "model/spec.h"
#include "spec/train.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/schedule.h"

namespace braid::trainer {

struct TrainSettings {
  model::ModelSpec model;
  uint64_t seed = 42;
  spec::StartMoments start_moments = spec::StartMoments::kAuto;  // of input `init`
  corpus::DataSpec data;
  int64_t batch = 32;      // sequences of a micro-batch over all ranks
  int64_t accumulate = 8;  // micro-batches of a step
  int64_t epochs = 2;
  int64_t steps = 0;  // 0: no bound
  int64_t tokens = 0;
  OptimizerConfig optimizer;
  Auxiliary auxiliary;  // T3, T4, and dropout of parallel layers
  Schedule schedule;    // its lengths are filled in by FillSchedule
  spec::LastLabel last_label = spec::LastLabel::kIgnore;           // T1
  spec::AccumTail accum_tail = spec::AccumTail::kDrop;             // T6
  spec::LossAverage loss_average = spec::LossAverage::kTokenMean;  // T8, of validation
  int64_t checkpoint_steps = 0;
  int64_t checkpoint_seconds = 60;
  int64_t validate_steps = 0;      // 0: at the end of each epoch
  int64_t validate_sequences = 0;  // of each corpus; 0: all
  int64_t telemetry_steps = 0;     // how often dual-path blocks are read out; 0: never
};

Result<TrainSettings> ReadTrainSettings(const Json& spec);

// One micro-batch of `batch` sequences.
struct MicroPlace {
  int64_t epoch = 0;
  int64_t first = 0;   // sequence of the epoch that it begins with
  int64_t number = 0;  // among the micro-batches of all epochs: no two of a training have the same
};

struct StepPlace {
  int64_t epoch = 0;
  std::vector<MicroPlace> micro_batches;  // in the order in which their gradients are added
  int64_t divisor = 0;  // the mean losses of micro-batches are added and divided by this
};

// Which micro-batches a step takes (T6). An epoch of M = floor(sequences / batch) micro-batches has
// floor(M / accumulate) whole steps and r = M mod accumulate micro-batches left. `drop` leaves them
// out; `flush` makes one more step of their mean; with `carry` they come first in the first step of
// the next epoch, which still divides by `accumulate`.
//
// In the published training their gradients wait in the buffers over the end of the epoch. No step
// lies between, so the weights are the same when they are computed just before they are needed, and
// nothing has to be kept in a checkpoint. After the last epoch they are lost either way.
struct StepPlan {
  int64_t per_epoch = 0;
  int64_t total = 0;
  int64_t micro_batches_per_epoch = 0;  // M
  StepPlace At(const TrainSettings& settings, int64_t step) const;
  // Tokens of the first `steps` steps.
  int64_t TokensAfter(const TrainSettings& settings, int64_t steps) const;
};

// kInvalidArgument if an epoch has no step.
Result<StepPlan> PlanSteps(const TrainSettings& settings, int64_t sequences);
// Tells the schedule the lengths that it needs.
void FillSchedule(const StepPlan& plan, Schedule* schedule);

// Labels of one sequence: ids shifted left. The last position has none (T1 `ignore`) or the last id
// itself
// (`copy_input`); pad tokens count for nothing.
void MakeLabels(const int32_t* ids, int64_t sequence, int32_t pad_id, int32_t* labels,
                spec::LastLabel last_label = spec::LastLabel::kIgnore);
// Positions of a sequence without pads that have a label.
int64_t TargetsOfSequence(int64_t sequence, spec::LastLabel last_label);

}  // namespace braid::trainer
