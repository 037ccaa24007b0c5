#include "trainer/loop/beginning.h"

#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"
#include "trainer/loop/environments.h"
#include "trainer/loop/going_on.h"
#include "trainer/loop/outer_checkpoint.h"
#include "trainer/loop/start_weights.h"

namespace braid::trainer {
namespace {

// The state from which the training goes on; `folder` is where it was read.
Result<Beginning> Take(const TrainingParts& parts, Resumed resumed, const std::string& folder) {
  parts.optimizer.Restore(resumed.snapshot);
  Beginning beginning;
  beginning.history = std::move(resumed.history);
  beginning.state = std::move(resumed.state);
  NoteChange(parts.task, EnvironmentOf(parts.task, parts.opened.settings.precision),
             &beginning.state);
  // If the task was stopped after its last step, no step follows, and the summary takes its final
  // values from here.
  const std::string& history = beginning.history;
  if (const size_t end = history.find_last_of('\n'); end != std::string::npos) {
    const size_t begin = end == 0 ? std::string::npos : history.find_last_of('\n', end - 1);
    BRAID_ASSIGN_OR_RETURN(beginning.last_values,
                           ParseJson(std::string_view(history).substr(begin + 1, end - begin - 1),
                                     JoinPath(folder, artifact_files::kHistory)));
    beginning.last_values.erase("step");
  }
  return beginning;
}

// Goes on as if the training had never been stopped.
Result<Beginning> GoOnFrom(const TrainingParts& parts, const std::string& folder) {
  const TrainSettings& settings = parts.opened.settings;
  const Layout& layout = parts.network.layout();
  BRAID_ASSIGN_OR_RETURN(Resumed resumed,
                         ReadCheckpoint(folder, settings.model, layout,
                                        FindOptimizer(settings.optimizer.kind).states(layout)));
  if (resumed.state.settings != parts.opened.digest) {
    return InvalidArgument(folder +
                           " is a checkpoint of a training with other settings; start without it");
  }
  parts.average.Restore(resumed.snapshot);
  if (parts.outer != nullptr) {
    BRAID_ASSIGN_OR_RETURN(const OuterState outer, ReadOuterState(folder, layout, parts.task.rank,
                                                                  parts.task.world, &resumed));
    parts.outer->Restore(outer);
  }
  Log(LogLevel::kInfo, parts.task.job,
      Format("goes on after step %lld", (long long)resumed.state.step));
  return Take(parts, std::move(resumed), folder);
}

// A training of the same text, made longer. The mean of its last states is made anew, as those of
// the longer training are others; and no checkpoint of this training is there yet.
Result<Beginning> MakeLonger(const TrainingParts& parts) {
  BRAID_ASSIGN_OR_RETURN(Resumed resumed, ReadContinued(parts.task, parts.opened.settings,
                                                        parts.opened.note, parts.network.layout()));
  return Take(parts, std::move(resumed), parts.task.inputs.at(task::role::kContinue));
}

}  // namespace

Result<Beginning> BeginTraining(const TrainingParts& parts) {
  const task::Task& task = parts.task;
  if (!task.resume.empty()) {
    BRAID_ASSIGN_OR_RETURN(Beginning beginning, GoOnFrom(parts, task.resume));
    beginning.resumed_step = beginning.state.step;
    return beginning;
  }
  // What another job has done of this training. No checkpoint of this job is there yet.
  if (task.inputs.contains(task::role::kRung)) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kRung));
    return GoOnFrom(parts, folder);
  }
  if (task.inputs.contains(task::role::kContinue)) return MakeLonger(parts);
  const TrainSettings& settings = parts.opened.settings;
  if (task.inputs.contains(task::role::kInit)) {
    BRAID_RETURN_IF_ERROR(LoadStart(task, settings, &parts.network, &parts.optimizer));
  } else {
    parts.network.Initialize(settings.seed);
  }
  Beginning beginning;
  beginning.anew = true;
  return beginning;
}

}  // namespace braid::trainer
