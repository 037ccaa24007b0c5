// The spec of a train or joint job, checked (docs/tasks.md).
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "corpus/dataset.h"
#include "model/spec.h"
#include "trainer/optim/adamw.h"
#include "trainer/optim/schedule.h"

namespace braid::trainer {

struct TrainSettings {
  model::ModelSpec model;
  uint64_t seed = 42;
  corpus::DataSpec data;
  int64_t batch = 32;       // sequences of a micro-batch over all ranks
  int64_t accumulate = 8;   // micro-batches of a step
  int64_t epochs = 2;
  int64_t steps = 0;        // 0: no bound
  int64_t tokens = 0;
  AdamWConfig optimizer;
  Schedule schedule;        // total_steps is filled in by PlanEpochs
  std::string accum_tail = "drop";  // T6: drop | flush
  int64_t checkpoint_steps = 0;
  int64_t checkpoint_seconds = 60;
  int64_t validate_steps = 0;       // 0: at the end of each epoch
  int64_t validate_sequences = 0;   // of each corpus; 0: all
};

Result<TrainSettings> ReadTrainSettings(const Json& spec);

// Where a step stands. An epoch of `sequences` has floor(sequences / (batch * accumulate)) whole steps; `flush` adds one
// of the whole micro-batches that are left.
struct StepPlace {
  int64_t epoch = 0;
  int64_t first = 0;          // sequence of the epoch that it begins with
  int64_t micro_batches = 0;
};
struct StepPlan {
  int64_t per_epoch = 0;
  int64_t total = 0;
  int64_t last_micro_batches = 0;  // of an epoch's last step
  StepPlace At(const TrainSettings& settings, int64_t step) const;
};

// kInvalidArgument if an epoch has no step.
Result<StepPlan> PlanSteps(const TrainSettings& settings, int64_t sequences);

// Labels of one sequence: ids shifted left; the last position has none (T1 `ignore`), pad tokens count for nothing.
void MakeLabels(const int32_t* ids, int64_t sequence, int32_t pad_id, int32_t* labels);

}  // namespace braid::trainer
