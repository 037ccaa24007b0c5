#include "trainer/loop/checkpoints.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace braid::trainer {

Checkpoints::Checkpoints(const task::Task& task, const TrainSettings& settings,
                         const Network& network, task::Channel& channel, int64_t step,
                         int64_t resumed_step, int64_t now_ms)
    : task_(task), resumed_step_(resumed_step), schedule_(settings, step, now_ms) {
  if (task.rank != 0) return;
  writer_ = std::make_unique<CheckpointWriter>(JoinPath(task.work, "checkpoints"), network,
                                               channel);
}

bool Checkpoints::Due(int64_t step, int64_t now_ms) {
  return writer_ != nullptr && schedule_.AfterStep(step, now_ms) && !writer_->busy() &&
         !writer_->behind();
}

void Checkpoints::Begin(OptimizerSnapshot snapshot, const TrainState& state,
                        const std::string& history, int64_t now_ms) {
  begun_step_ = state.step;
  if (writer_ == nullptr) return;
  schedule_.Begun(now_ms);
  writer_->Begin(std::move(snapshot), state, history);
}

Status Checkpoints::Finish() {
  return writer_ != nullptr ? FatalOf(writer_->Finish()) : OkStatus();
}

Status Checkpoints::TakeError() {
  return writer_ != nullptr ? FatalOf(writer_->TakeError()) : OkStatus();
}

int64_t Checkpoints::newest() const {
  return writer_ != nullptr ? std::max(resumed_step_, writer_->last_written()) : resumed_step_;
}

Status Checkpoints::FatalOf(const Status& status) const {
  if (!status.Is(ErrorReason::kStorageFull) || newest() == 0) return status;
  Log(LogLevel::kWarning, task_.job,
      Format("%s; it is skipped, and the newest checkpoint is that of step %lld",
             status.message().c_str(), (long long)newest()));
  return OkStatus();
}

}  // namespace braid::trainer
