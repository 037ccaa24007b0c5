// How one model is trained: `train` of recipes and of `train` and `joint` tasks, and `joint` of
// recipes. The rules T1-T7 are those of docs/papers/papaformer.md#s7.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/data.h"

namespace braid::spec {

enum class LastLabel { kIgnore, kCopyInput };  // T1
enum class OptimizerKind { kAdamW, kMuon };
enum class LrSchedule { kCosine, kCosineMisstepped, kConstant, kWsd };  // T2
enum class AuxLoad { kNegEntropy, kPlusEntropy };                       // T3
enum class AuxProbs { kSoftmax, kSample };                              // T4
enum class DecayScope { kMatrices, kAll, kAllButEmbedding };            // T5
enum class AccumTail { kDrop, kFlush, kCarry };                         // T6
enum class ShuffleSeed { kPerEpoch, kConstant };                        // T7
enum class StartMoments { kAuto, kTake, kLeave };
enum class LrDecayShape { kLinear, kSqrt };
const schema::Words& WordsOf(OptimizerKind);
const schema::Words& WordsOf(LrDecayShape);
const schema::Words& WordsOf(LastLabel);
const schema::Words& WordsOf(LrSchedule);
const schema::Words& WordsOf(AuxLoad);
const schema::Words& WordsOf(AuxProbs);
const schema::Words& WordsOf(DecayScope);
const schema::Words& WordsOf(AccumTail);
const schema::Words& WordsOf(ShuffleSeed);
const schema::Words& WordsOf(StartMoments);

struct Optimizer {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double lr = 5e-4;
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-5;
  double weight_decay = 0.1;
  double momentum = 0.95;  // of muon

  static const schema::Schema& Fields();
};

struct CheckpointEvery {
  int64_t steps = 0;
  int64_t seconds = 60;
  int64_t keep = 0;  // how many the service keeps; -1: all; 0: by its own rule

  static const schema::Schema& Fields();
};

struct ValidateEvery {
  int64_t steps = 0;
  int64_t sequences = 0;

  static const schema::Schema& Fields();
};

struct Telemetry {
  int64_t steps = 0;

  static const schema::Schema& Fields();
};

// The initial values are those of `compat: fixed`.
struct Train {
  int64_t batch = 32;
  int64_t accumulate = 8;
  int64_t epochs = 2;
  int64_t steps = 0;
  int64_t tokens = 0;
  Optimizer optimizer;
  double clip = 1.0;
  LastLabel last_label = LastLabel::kIgnore;
  LrSchedule lr_schedule = LrSchedule::kCosine;
  int64_t warmup_steps = 0;
  double warmup_start = 0;
  double lr_min = 0;
  double lr_decay_fraction = 0.2;  // of wsd
  LrDecayShape lr_decay_shape = LrDecayShape::kLinear;
  AuxLoad aux_load = AuxLoad::kNegEntropy;
  AuxProbs aux_probs = AuxProbs::kSoftmax;
  double lambda_entropy = 0.01;
  double lambda_load = 0.01;
  DecayScope decay_scope = DecayScope::kMatrices;
  AccumTail accum_tail = AccumTail::kDrop;
  ShuffleSeed shuffle_seed = ShuffleSeed::kPerEpoch;
  double dropout_parallel = 0;
  CheckpointEvery checkpoint;
  ValidateEvery validate;
  Telemetry telemetry;

  static const schema::Schema& Fields();
};

// `train` of a task that may hold the blocks of a composite's paths still.
struct JointTrain : Train {
  int64_t freeze_paths = 0;  // for the first so many steps; -1: for ever

  static const schema::Schema& Fields();
};

// `joint` of a recipe: how a composite is trained after its merge.
struct Joint : JointTrain {
  std::optional<double> lr_factor;  // absent: what the preset has for the kind of connection
  bool carry_optimizer = false;
  int64_t ranks = 1;
  int64_t slots = 1;
  Device device = Device::kCpu;

  static const schema::Schema& Fields();
};

// The spec of a `train` or `joint` task.
struct TrainTask {
  Json model;  // read by model/spec.h
  Data data;
  uint64_t seed = 42;
  JointTrain train;
  LossAverage loss_average = LossAverage::kTokenMean;  // T8, of validation
  StartMoments start_moments = StartMoments::kAuto;    // AdamW's, of input `init`

  static const schema::Schema& Fields();
};

// The defaults of `train` under a preset.
Train TrainPreset(Compat compat);

// Adds a finding if several GPUs would be taken for one rank, which uses one. `instead` says what
// to write.
void CheckGpuSlots(int64_t slots, Device device, const std::string& instead,
                   const schema::Fail& fail);

}  // namespace braid::spec
