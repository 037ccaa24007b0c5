#include "trainer/loop/messages.h"

#include "base/text.h"
#include "model/tensors.h"

namespace braid::trainer {

std::string DescriptionOf(const task::Task& task, const TrainSettings& settings,
                          const StepPlan& plan, const Environment& environment) {
  return Format(
      "%s: %s parameters, %lld steps of %lld x %lld sequences of %lld, rank %lld of %lld, "
      "%lld threads, %s",
      settings.model.name.c_str(),
      FormatCount(static_cast<double>(model::ParameterCount(settings.model))).c_str(),
      (long long)plan.job_end, (long long)settings.accumulate, (long long)settings.batch,
      (long long)settings.data.sequence, (long long)task.rank, (long long)task.world,
      (long long)task.threads, environment.instruction_set.c_str());
}

Status DivergedStatus(const std::string& what, int64_t last_good, const TrainSettings& settings) {
  const bool continues = settings.schedule.kind == spec::LrSchedule::kContinue;
  return {
      StatusCode::kInvalidArgument, ErrorReason::kDiverged,
      Format("%s; the training has diverged and stops. Last good checkpoint: %s. %s may help",
             what.c_str(), last_good > 0 ? ("step " + std::to_string(last_good)).c_str() : "none",
             continues ? "warmup_steps, lower factors of train.groups, or another lr_schedule"
                       : "A lower train.optimizer.lr or more warmup_steps")};
}

Status StoppedStatus(int64_t step, const StepPlan& plan, bool skipped) {
  if (step == 0) {
    return Cancelled(Format("stopped within the first step of %lld: there is nothing to keep yet",
                            (long long)plan.job_end));
  }
  return Cancelled(
      Format("stopped after step %lld of %lld %s", (long long)step, (long long)plan.job_end,
             skipped ? "without a checkpoint, for want of room on the disk" : "with a checkpoint"));
}

}  // namespace braid::trainer
