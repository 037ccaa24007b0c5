// The settings of a `train` or `joint` job (docs/tasks.md, spec/train.h), checked and put where the
// training loop, the optimizer and the network use them; and the plan of which data each step
// reads.
#pragma once

#include <cstdint>
#include <optional>
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

// The settings of one training, with every default filled in. The comments name the paper's rules
// T1-T8 (docs/papers/papaformer.md#s7).
struct TrainSettings {
  model::ModelSpec model;
  uint64_t seed = 42;
  spec::StartMoments start_moments = spec::StartMoments::kAuto;  // of input `init`
  corpus::DataSpec data;
  // Sequences of a micro-batch, over all ranks.
  int64_t batch = 32;
  // Micro-batches whose gradients are accumulated for one optimizer step.
  int64_t accumulate = 8;
  int64_t epochs = 2;
  // Upper bounds of the training; 0 for none.
  int64_t steps = 0;
  int64_t tokens = 0;
  spec::Precision precision = spec::Precision::kFp32;
  OptimizerConfig optimizer;
  Auxiliary auxiliary;  // T3, T4, and dropout of parallel layers
  Schedule schedule;    // its lengths are filled in by FillSchedule
  spec::LastLabel last_label = spec::LastLabel::kIgnore;           // T1
  spec::AccumTail accum_tail = spec::AccumTail::kDrop;             // T6
  spec::LossAverage loss_average = spec::LossAverage::kTokenMean;  // T8, of validation
  int64_t checkpoint_steps = 0;
  int64_t checkpoint_seconds = 60;
  spec::Average average;  // of the weights of the last updates
  // Steps between validations; 0 for one at the end of each epoch.
  int64_t validate_steps = 0;
  // Held-out sequences of each corpus that a validation reads; 0 for all.
  int64_t validate_sequences = 0;
  // Steps between measurements of blocks and routers (ReadBlockProbes); 0 for none.
  int64_t telemetry_steps = 0;
  // The part of all steps after which the job ends.
  double until = 1;
  // The ranks agree by outer steps only; absent: they add up their gradients in each step.
  std::optional<spec::Sync> outer_steps;
  bool match_rms = false;  // of the maps between streams, before the first step
  // The settings of the teachers, and who teaches on which source of `data`; absent: nobody does.
  std::optional<spec::Teachers> teachers;
  std::vector<spec::Lesson> lessons;
};

// Reads the spec of a train or joint job. Its `model` has tokenizer fields set (FillTokenizer).
// Errors name the field.
Result<TrainSettings> ReadTrainSettings(const Json& spec);

// The place of one micro-batch in the data.
struct MicroPlace {
  int64_t epoch = 0;
  // Index, within the epoch, of its first sequence.
  int64_t first = 0;
  // Index over all epochs. It is unique within a training, and random draws (dropout, router noise)
  // depend on it.
  int64_t number = 0;
};

// The data of one optimizer step.
struct StepPlace {
  int64_t epoch = 0;
  // In the order in which their gradients are added.
  std::vector<MicroPlace> micro_batches;
  // The step's loss is the sum of the micro-batches' mean losses, divided by this.
  int64_t divisor = 0;
};

// Which micro-batches each step takes (T6 of docs/papers/papaformer.md#s7). An epoch has M =
// floor(sequences / batch) micro-batches: floor(M / accumulate) whole steps, and r = M mod
// accumulate micro-batches that are left over.
//
//   drop   leaves them out.
//   flush  makes one more step of them, whose gradient is the mean of the r micro-batches.
//   carry  puts them first in the first step of the next epoch, which then has accumulate + r
//          micro-batches and still divides by `accumulate`. After the last epoch they are lost.
//
// The published training (`carry`) keeps their gradients in the buffers over the end of the epoch.
// No update lies between, so the weights are the same when the gradients are computed just before
// they are needed, and a checkpoint has no gradients to keep.
struct StepPlan {
  // Steps of an epoch, and of the training.
  int64_t per_epoch = 0;
  int64_t total = 0;
  // The step after which the job ends: `total`, or a rung of a sweep before it, which with outer
  // steps is the end of a round.
  int64_t job_end = 0;
  // M above.
  int64_t micro_batches_per_epoch = 0;
  // The data of step `step`, which counts from 0.
  StepPlace At(const TrainSettings& settings, int64_t step) const;

  // Tokens of the first `steps` steps, over all ranks.
  int64_t TokensAfter(const TrainSettings& settings, int64_t steps) const;
};

// Plans a training on epochs of `sequences` sequences, within the bounds of epochs, steps and
// tokens. kInvalidArgument if an epoch has no whole step, or the training fewer steps than its
// average reaches back. A bound of tokens below one step still allows one.
Result<StepPlan> PlanSteps(const TrainSettings& settings, int64_t sequences);
// Sets the lengths that a learning-rate schedule depends on.
void FillSchedule(const StepPlan& plan, Schedule* schedule);

// Makes the labels of one sequence: ids shifted left by one. `ids` and `labels` have `sequence`
// elements. The label of the last position is none, or with last_label "copy_input" the last id
// itself (T1). Pad tokens are no labels. "None" is a negative number.
void MakeLabels(const int32_t* ids, int64_t sequence, int32_t pad_id, int32_t* labels,
                spec::LastLabel last_label = spec::LastLabel::kIgnore);
// Positions of a sequence without pads that have a label.
int64_t TargetsOfSequence(int64_t sequence, spec::LastLabel last_label);

}  // namespace braid::trainer
