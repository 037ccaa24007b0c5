#include "trainer/loop/micro_batch_pass.h"

#include <optional>

namespace braid::trainer {

MicroBatchPass::MicroBatchPass(const task::Task& task, const TrainSettings& settings,
                               Network& network, Collective& collective, Teachers* teachers)
    : task_(task),
      settings_(settings),
      network_(network),
      collective_(collective),
      teachers_(teachers) {
  ShareRouterLoad();
}

// Formula (9) of docs/papers/papaformer.md#s3 takes the mean of the choices over a micro-batch and
// then a logarithm, so the mean must be over the rows of all ranks: the mean of the ranks' own
// losses would be another number. Ranks that train by themselves have micro-batches of their own.
void MicroBatchPass::ShareRouterLoad() {
  if (task_.world == 1 || settings_.outer_steps || !settings_.model.chooses()) return;
  Auxiliary auxiliary = settings_.auxiliary;
  auxiliary.mean_over_ranks = [this](double* values, int64_t count) {
    if (gang_status_.ok()) gang_status_ = collective_.AllReduce(values, count);
    for (int64_t i = 0; i < count; ++i) values[i] /= static_cast<double>(task_.world);
  };
  network_.SetAuxiliary(auxiliary);
}

Status MicroBatchPass::AddGradient(const MicroBatch& batch, const StepPlace& place, int64_t step,
                                   StepRecord::Sums* sums) {
  // A rank that trains by itself takes the mean over its own rows, a part of the micro-batch.
  const auto alone = static_cast<double>(settings_.outer_steps ? task_.world : 1);
  BackwardOptions options;
  options.scale = 1.0 / (static_cast<double>(place.divisor * batch.targets) / alone);
  options.aux_scale = 1.0 / (static_cast<double>(place.divisor * task_.world) / alone);
  options.seed = settings_.seed;
  options.draw = static_cast<uint64_t>(batch.number);
  options.first_row = batch.first_row;
  options.precision = settings_.precision;
  std::optional<Teaching> teaching;
  if (teachers_ != nullptr) {
    BRAID_ASSIGN_OR_RETURN(teaching, teachers_->Of(batch, step));
  }
  if (teaching) options.teaching = &*teaching;
  const LossSum sum = network_.Backward(batch.ids.data(), batch.labels.data(),
                                        settings_.batch / task_.world, settings_.data.sequence,
                                        options);
  // An error of an all-reduce within the backward pass (ShareRouterLoad).
  BRAID_RETURN_IF_ERROR(gang_status_);
  (*sums)[StepRecord::kLoss] += sum.loss;
  (*sums)[StepRecord::kLast] += sum.last;
  (*sums)[StepRecord::kAuxiliary] += sum.auxiliary;
  (*sums)[StepRecord::kDivergence] += sum.divergence;
  (*sums)[StepRecord::kTaught] += static_cast<double>(sum.taught);
  return OkStatus();
}

}  // namespace braid::trainer
