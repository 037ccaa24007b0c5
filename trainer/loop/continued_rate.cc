#include "trainer/loop/continued_rate.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

constexpr char kInstead[] =
    "give another lr_schedule (constant, wsd or cosine), with optimizer.lr for its rate";

Status CheckBelow(const char* field, double value, double rate) {
  if (value <= rate) return OkStatus();
  return InvalidArgument(Format(
      "spec.train.%s: is %g, above the rate %g at which the training of its start ended, and with "
      "which lr_schedule continue begins; lower it",
      field, value, rate));
}

}  // namespace

Status ContinueRate(const task::Task& task, Schedule* schedule) {
  if (schedule->kind != spec::LrSchedule::kContinue) return OkStatus();
  const bool goes_on = task.inputs.contains(task::role::kContinue);
  const char* const input = goes_on ? task::role::kContinue : task::role::kInit;
  if (!task.inputs.contains(input)) {
    return InvalidArgument(
        std::string("spec.train.lr_schedule: continue begins at the rate at which the training of "
                    "input \"init\" ended, and there is no such input; ") +
        kInstead);
  }
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(input));
  const std::string path = JoinPath(folder, artifact_files::kState);
  TrainState start;
  if (PathExists(path)) {
    BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
    BRAID_ASSIGN_OR_RETURN(start, StateFromJson(json, path));
  }
  if (start.rate && *start.rate <= 0) {
    return InvalidArgument(
        std::string("spec.train.lr_schedule: continue begins at the rate at which the training of "
                    "its start, or of one of its parents, ended, and that is 0; ") +
        kInstead);
  }
  if (!start.rate) {
    return InvalidArgument(
        std::string("spec.train.lr_schedule: continue begins at the rate at which the training of "
                    "its start ended, and that is not known: input \"") +
        input + "\" was imported, or comes from a version of braid that did not note it; " +
        kInstead);
  }
  schedule->lr = *start.rate;
  BRAID_RETURN_IF_ERROR(CheckBelow("lr_min", schedule->lr_min, schedule->lr));
  BRAID_RETURN_IF_ERROR(CheckBelow("warmup_start", schedule->warmup_start, schedule->lr));
  if (goes_on) {
    if (schedule->warmup_steps > 0) {
      return InvalidArgument(
          "spec.train.warmup_steps: lr_schedule continue keeps the rate of the training that goes "
          "on, which needs no warm-up; set 0");
    }
    schedule->first_step = start.step;
  }
  Log(LogLevel::kInfo, task.job,
      Format("begins at the rate %g, at which its start ended", schedule->lr));
  return OkStatus();
}

}  // namespace braid::trainer
