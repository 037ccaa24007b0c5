// How one model is trained: `train` of recipes and of `train` and `joint` tasks, and `joint` of
// recipes. The rules T1-T8 are those of docs/papers/papaformer.md#s7. Fields() in train.cc has the
// range and the meaning of each member in the words of the documents.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/data.h"
#include "spec/sync.h"
#include "spec/teachers.h"
#include "spec/tensor_groups.h"

namespace braid::spec {

// T1: the label of the last position of a sequence: none, or its own input token.
enum class LastLabel { kIgnore, kCopyInput };
// The optimizer; trainer/optim/registry.cc has one for each. kMuon is for the matrices within
// blocks, and AdamW for all other tensors.
enum class OptimizerKind { kAdamW, kMuon };
// T2: the curve of the learning rate; trainer/optim/schedule.h has the formulas. The published
// program advances its cosine once for each optimizer step instead of each micro-batch, which is
// kCosineMisstepped. kContinue begins at the rate at which the training of its start ended.
enum class LrSchedule { kCosine, kCosineMisstepped, kConstant, kWsd, kContinue };
// T3: the sign of the entropy in the load loss of routers.
enum class AuxLoad { kNegEntropy, kPlusEntropy };
// T4: what the auxiliary losses of a router are computed from: its probabilities, or its sampled
// choice.
enum class AuxProbs { kSoftmax, kSample };
// T5: the tensors that weight decay is applied to.
enum class DecayScope { kMatrices, kAll, kAllButEmbedding };
// T6: micro-batches at the end of an epoch that do not fill an optimizer step: left out, a shorter
// step, or the beginning of the next epoch's first step.
enum class AccumTail { kDrop, kFlush, kCarry };
// T7: whether each epoch has an order of its own.
enum class ShuffleSeed { kPerEpoch, kConstant };
// Whether a training that begins from a checkpoint also takes its optimizer state: if there is one
// (kAuto), always (kTake; an error without one), or never (kLeave).
enum class StartMoments { kAuto, kTake, kLeave };
// In which numbers a training multiplies with weights, forward and backward: kBf16 rounds both
// operands of each product to bf16, and adds up in fp32. All else is fp32, and so are the weights.
enum class Precision { kFp32, kBf16 };
// How the rate of kWsd and kContinue decreases at the end.
enum class LrDecayShape { kLinear, kSqrt };
const schema::Words& WordsOf(OptimizerKind);
const schema::Words& WordsOf(LrDecayShape);
const schema::Words& WordsOf(Precision);
const schema::Words& WordsOf(LastLabel);
const schema::Words& WordsOf(LrSchedule);
const schema::Words& WordsOf(AuxLoad);
const schema::Words& WordsOf(AuxProbs);
const schema::Words& WordsOf(DecayScope);
const schema::Words& WordsOf(AccumTail);
const schema::Words& WordsOf(ShuffleSeed);
const schema::Words& WordsOf(StartMoments);

// `optimizer`: how gradients become updates.
struct Optimizer {
  OptimizerKind kind = OptimizerKind::kAdamW;
  // The peak learning rate.
  double lr = 5e-4;
  // AdamW's: the decay rates of the first and the second moment, and the constant that is added to
  // the root of the second.
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-5;
  // Decoupled: times the learning rate.
  double weight_decay = 0.1;
  // Only of kMuon.
  double momentum = 0.95;

  static const schema::Schema& Fields();
};

// `average`: the model is the mean of the weights behind the updates total, total - every, ...,
// total - (last - 1) every of the training; last 0: it is the weights behind the last one.
struct Average {
  int64_t last = 0;
  int64_t every = 1;

  // Steps from the first of these states to the last.
  int64_t reach() const { return last > 0 ? (last - 1) * every : 0; }
  static const schema::Schema& Fields();
};

// `checkpoint`: a checkpoint is written after so many optimizer steps or so many seconds, whichever
// comes first; 0: never for that reason.
struct CheckpointEvery {
  int64_t steps = 0;
  int64_t seconds = 60;
  int64_t keep = 0;  // how many the service keeps; -1: all; 0: by its own rule

  static const schema::Schema& Fields();
};

// `validate`: the loss on held-out text is measured after so many optimizer steps (0: once an
// epoch), on the first so many sequences of each corpus (0: all).
struct ValidateEvery {
  int64_t steps = 0;
  int64_t sequences = 0;

  static const schema::Schema& Fields();
};

// `telemetry`: statistics of blocks and routers are measured after so many optimizer steps; 0:
// never.
struct Telemetry {
  int64_t steps = 0;

  static const schema::Schema& Fields();
};

// The initial values are those of `compat: fixed`. "Steps" are optimizer steps.
struct Train {
  // Sequences of a micro-batch, over all ranks, and micro-batches of a step.
  int64_t batch = 32;
  int64_t accumulate = 8;
  // The length of the training: passes over the text, ended earlier after so many steps or trained
  // tokens; 0: no such bound.
  int64_t epochs = 2;
  int64_t steps = 0;
  int64_t tokens = 0;
  Precision precision = Precision::kFp32;
  Optimizer optimizer;
  // The bound of the global norm of the gradients; 0: none.
  double clip = 1.0;
  LastLabel last_label = LastLabel::kIgnore;
  LrSchedule lr_schedule = LrSchedule::kCosine;
  // The rate rises for so many steps, from `warmup_start` (0: from lr / warmup_steps) to `lr`.
  int64_t warmup_steps = 0;
  double warmup_start = 0;
  // The rate at the end.
  double lr_min = 0;
  // Only of kWsd and kContinue: the part of all steps in which the rate decreases; 0: none.
  double lr_decay_fraction = 0.2;
  LrDecayShape lr_decay_shape = LrDecayShape::kLinear;
  Average average;
  AuxLoad aux_load = AuxLoad::kNegEntropy;
  AuxProbs aux_probs = AuxProbs::kSoftmax;
  // Weights of the auxiliary losses of routers; a negative one reverses the sign of its loss.
  double lambda_entropy = 0.01;
  double lambda_load = 0.01;
  DecayScope decay_scope = DecayScope::kMatrices;
  AccumTail accum_tail = AccumTail::kDrop;
  ShuffleSeed shuffle_seed = ShuffleSeed::kPerEpoch;
  // Dropout in the blocks of a composite's paths.
  double dropout_parallel = 0;
  CheckpointEvery checkpoint;
  ValidateEvery validate;
  Telemetry telemetry;
  // The service stops a training that makes no step for this many seconds, and tries it again; 0
  // turns this off. The rule stands in coordinator/core/watchdog.h.
  int64_t stall_timeout = 3600;

  static const schema::Schema& Fields();
};

// `train` of tasks: what it has beyond `train` of recipes is of composites.
struct TaskTrain : Train {
  // The blocks of the paths are frozen for the first so many steps; -1: for the whole training.
  int64_t freeze_paths = 0;
  // In their order: a later one says more than an earlier one.
  std::vector<TensorGroup> groups;
  std::optional<FirstOnly> first;
  // Absent: the ranks add up their gradients in each step.
  std::optional<Sync> sync;
  // The maps between the streams are scaled before the first step (docs/models.md, "Matched
  // streams").
  bool match_rms = false;
  // Absent: nobody teaches.
  std::optional<Teachers> teachers;

  // The settings of the teachers; null if nobody teaches.
  const Teachers* teaching() const {
    return teachers && teachers->weight > 0 ? &*teachers : nullptr;
  }
  // The settings of outer steps; null for ranks that add up their gradients.
  const Sync* outer_steps() const {
    return sync && sync->method == SyncMethod::kDiloco ? &*sync : nullptr;
  }

  static const schema::Schema& Fields();
};

// `joint` of a recipe: how a composite is trained after its merge.
struct Joint : TaskTrain {
  // Multiplies the learning rates that are inherited from `train`. Absent: 0.5 for share and
  // routed, 1 for slice and under `compat: paper`.
  std::optional<double> lr_factor;
  // The training begins with the optimizer's states of the paths.
  bool carry_optimizer = false;
  // Processes of the job, and CPU cores (or GPUs, then 1) of each.
  int64_t ranks = 1;
  int64_t slots = 1;
  Device device = Device::kCpu;
  bool across_sites = false;

  // Whether the merge before it carries the parents' optimizer states, for all tensors or for those
  // of a group.
  bool carries() const;
  static const schema::Schema& Fields();
};

// The spec of a `train` or `joint` task.
struct TrainTask {
  // A model::ModelSpec as JSON: what the tokenizer decides may be open in it, and is filled in
  // before it is read.
  Json model;
  Data data;
  uint64_t seed = 42;
  TaskTrain train;
  // T8, of validation losses.
  LossAverage loss_average = LossAverage::kTokenMean;
  // What becomes of the optimizer's state of input `init`.
  StartMoments start_moments = StartMoments::kAuto;
  // Of train.teachers: who teaches on which corpus. Several of one corpus teach together.
  std::vector<Lesson> lessons;
  // The job ends after this part of the training's steps, and input `rung` of another one goes on
  // there; the training and its schedule are those of all steps.
  double until = 1;

  static const schema::Schema& Fields();
};

// The defaults of `train` under a preset.
Train TrainPreset(Compat compat);

// Fails the field `slots` unless it is 1 on device kCuda: a rank uses one GPU. `advice` ends the
// message and says what to write instead.
void CheckGpuSlots(int64_t slots, Device device, const std::string& advice,
                   const schema::Fail& fail);

}  // namespace braid::spec
