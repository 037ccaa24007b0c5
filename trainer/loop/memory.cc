#include "trainer/loop/memory.h"

#include <set>

#include "base/text.h"
#include "task/artifact.h"
#include "task/job_kind.h"
#include "trainer/kernels/fault.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"
#include "trainer/loop/settings.h"
#include "trainer/network/layout.h"

namespace braid::trainer {
namespace {

std::string Text(const model::ModelSpec& spec, std::optional<spec::OptimizerKind> optimizer,
                 bool averages, bool outer_steps) {
  const MemoryNeeds needs = NeedsOf(spec, optimizer, averages, outer_steps);
  const auto bytes = [](int64_t value) { return FormatBytes(static_cast<uint64_t>(value)); };
  return Format("model %s takes %s for parameters, %s for gradients", spec.name.c_str(),
                bytes(needs.parameters).c_str(), bytes(needs.gradients).c_str()) +
         (optimizer ? ", " + bytes(needs.moments) + " for moments" : "") +
         (averages ? ", " + bytes(needs.average) + " for the average of the weights" : "") +
         (outer_steps ? ", " + bytes(needs.outer) + " for outer steps" : "");
}

// Several lessons may be of one teacher, which is there once.
Result<std::string> TeachersText(const task::Task& task, const TrainSettings& settings) {
  if (!settings.teachers) return std::string();
  std::set<std::string> roles;
  int64_t bytes = 0;
  for (const spec::Lesson& lesson : settings.lessons) {
    if (!roles.insert(lesson.teacher).second) continue;
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(lesson.teacher));
    BRAID_ASSIGN_OR_RETURN(const model::ModelSpec teacher, ReadModelSpec(folder));
    const MemoryNeeds needs = NeedsOf(teacher, std::nullopt);
    // On a CPU gradients that nobody writes take no memory.
    bytes += needs.parameters + (task.device == Device::kCuda ? needs.gradients : 0);
  }
  return ", " + FormatBytes(static_cast<uint64_t>(bytes)) + " for teachers";
}

Result<std::string> TrainingText(const task::Task& task) {
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, OpenTokenizer(task));
  Json spec = task.spec;
  if (!spec.is_object() || !spec.contains("model"))
    return InvalidArgument("spec.model: is missing");
  BRAID_RETURN_IF_ERROR(FillTokenizer(*tokenizer, &spec["model"]));
  BRAID_ASSIGN_OR_RETURN(const TrainSettings settings, ReadTrainSettings(spec));
  BRAID_ASSIGN_OR_RETURN(const std::string teachers, TeachersText(task, settings));
  return Text(settings.model, settings.optimizer.kind, settings.average.last > 0,
              settings.outer_steps.has_value()) +
         teachers +
         Format(
             " and the intermediate values of %lld sequences of %lld tokens; lower train.batch (a "
             "larger train.accumulate makes up for it), "
             "sequence or the model's size, or use a machine with more memory",
             (long long)(settings.batch / task.world), (long long)settings.data.sequence);
}

Result<std::string> ReadingText(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, ReadModelSpec(folder));
  return Text(spec, /*optimizer=*/std::nullopt, /*averages=*/false, /*outer_steps=*/false) +
         " and the intermediate values of a pass; use a machine with more memory, or let fewer "
         "jobs run beside this one";
}

Status With(const Status& error, const Result<std::string>& needs) {
  if (!needs.ok()) return error;  // the model itself could not be read: there is nothing to add
  return {error.code(), error.reason(), error.message() + "; " + *needs};
}

}  // namespace

MemoryNeeds NeedsOf(const model::ModelSpec& spec, std::optional<spec::OptimizerKind> optimizer,
                    bool averages, bool outer_steps) {
  constexpr auto kBytes = static_cast<int64_t>(sizeof(float));
  const Layout layout = MakeLayout(spec);
  MemoryNeeds needs{layout.size * kBytes, layout.size * kBytes, 0, 0, 0};
  if (averages) needs.average = needs.parameters;
  if (outer_steps) needs.outer = 2 * needs.parameters;
  if (!optimizer) return needs;
  for (const StateLayout& state : FindOptimizer(*optimizer).states(layout))
    needs.moments += state.size * kBytes;
  return needs;
}

Status ExplainMemory(const Status& error, const task::Task& task) {
  if (!error.Is(ErrorReason::kOutOfMemory)) return error;
  if (task::IsTraining(task.kind)) return With(error, TrainingText(task));
  const Result<std::string> folder = task.Input(task::role::kModel);
  return folder.ok() ? With(error, ReadingText(*folder)) : error;
}

Status ExplainMemory(const Status& error, const std::string& folder) {
  return error.Is(ErrorReason::kOutOfMemory) ? With(error, ReadingText(folder)) : error;
}

}  // namespace braid::trainer
