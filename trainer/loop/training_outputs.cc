#include "trainer/loop/training_outputs.h"

#include "base/file.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"

namespace braid::trainer {
namespace {

constexpr char kModelFolder[] = "model", kHistoryFolder[] = "history";

// Of a training that goes on: what another job has done of it, which is not this one's work.
Status SayWhatWasDone(const task::Task& task, Json* summary) {
  if (!task.inputs.contains(task::role::kContinue)) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kContinue));
  const std::string path = JoinPath(folder, artifact_files::kState);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  BRAID_ASSIGN_OR_RETURN(const TrainState begun, StateFromJson(json, path));
  (*summary)["continued"] = {{"steps", begun.step}, {"tokens", begun.tokens}};
  return OkStatus();
}

Status WriteModel(const FinishedTraining& finished, const task::Task& task) {
  const std::string folder = JoinPath(task.output, kModelFolder);
  BRAID_RETURN_IF_ERROR(WriteCheckpoint(folder, finished.settings.model, finished.layout,
                                        finished.snapshot, finished.state, finished.history,
                                        /*optimizer=*/true));
  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer, task.Input(task::role::kTokenizer));
  return CopyFile(JoinPath(tokenizer, artifact_files::kTokenizer),
                  JoinPath(folder, artifact_files::kTokenizer));
}

Status WriteHistory(const std::string& text, const Json& summary, const task::Task& task) {
  const std::string folder = JoinPath(task.output, kHistoryFolder);
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, artifact_files::kHistory), text));
  return WriteJsonFile(JoinPath(folder, artifact_files::kSummary), summary);
}

}  // namespace

Status WriteOutputs(const FinishedTraining& finished, const task::Task& task,
                    task::Channel& channel) {
  const TrainState& state = finished.state;
  const std::string& name = finished.settings.model.name;
  const int64_t parameters = model::ParameterCount(finished.settings.model);
  BRAID_RETURN_IF_ERROR(WriteModel(finished, task));
  Json summary = {{"model", name},
                  {"parameters", parameters},
                  {"steps", state.step},
                  {"tokens", state.tokens},
                  {"ranks", task.world},
                  {"threads", task.threads},
                  {"final", finished.last_values}};
  BRAID_RETURN_IF_ERROR(SayWhatWasDone(task, &summary));
  BRAID_RETURN_IF_ERROR(WriteHistory(finished.history, summary, task));
  channel.AddOutput(task::role::kModel, task::ArtifactKind::kCheckpoint, kModelFolder,
                    {{"step", state.step},
                     {"tokens", state.tokens},
                     {"model", name},
                     {"parameters", parameters}});
  channel.AddOutput(task::role::kHistory, task::ArtifactKind::kHistory, kHistoryFolder,
                    {{"steps", state.step}});
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::trainer
