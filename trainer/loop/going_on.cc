#include "trainer/loop/going_on.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"

namespace braid::trainer {
namespace {

Status Refused(const std::string& why) {
  return InvalidArgument("input \"continue\": " + why);
}

Status CheckShards(const spec::TrainingNote& was, const spec::TrainingNote& is) {
  for (const auto& [role, digest] : is.shards) {
    const auto found = was.shards.find(role);
    if (found != was.shards.end() && found->second == digest) continue;
    return Refused("the text of " + role.substr(role.find('.') + 1) +
                   " is not that on which it was trained (other files, caps, samples or "
                   "tokenizer), so that its order would not go on; give the same text, or begin a "
                   "new training with its weights (start)");
  }
  return OkStatus();
}

}  // namespace

std::string DigestOf(const corpus::Shards& shards) {
  Json made = shards.description;
  if (made.contains("sources") && made["sources"].is_array()) {
    for (Json& source : made["sources"])
      if (source.is_object()) source.erase("file");
  }
  // Patterns of files, where they are read in place.
  if (made.contains("spec") && made["spec"].is_object()) made["spec"].erase("files");
  return Sha256Hex(made.dump());
}

Result<Resumed> ReadContinued(const task::Task& task, const TrainSettings& settings,
                              const spec::TrainingNote& note, const Layout& layout) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kContinue));
  const std::string path = JoinPath(folder, artifact_files::kState);
  if (!PathExists(path)) return Refused("it has no state.json; give a checkpoint of a training");
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  BRAID_ASSIGN_OR_RETURN(const TrainState state, StateFromJson(json, path));
  BRAID_ASSIGN_OR_RETURN(const auto asked, schema::FromJson<spec::TrainTask>(task.spec, "spec"));
  const Status goes_on = spec::CheckGoesOn({state.step, state.tokens, state.training}, asked);
  if (!goes_on.ok()) return Refused(goes_on.message());
  BRAID_RETURN_IF_ERROR(CheckShards(*state.training, note));
  if (state.step >= note.total) {
    return Refused(
        Format("it has done %lld steps, and the whole training has %lld; give more "
               "epochs, steps or tokens: what was done counts",
               (long long)state.step, (long long)note.total));
  }
  if (note.train.average.last > 0 && note.total - note.train.average.reach() <= state.step) {
    return Refused(
        Format("train.average reaches back to step %lld, and it has done %lld; lower "
               "average.last or average.every, or give more steps",
               (long long)(note.total - note.train.average.reach()), (long long)state.step));
  }
  if (!PathExists(JoinPath(folder, artifact_files::kOptimizer))) {
    return Refused(
        "it has no optimizer.safetensors; give a checkpoint with the state of training, "
        "or begin a new training with its weights (start)");
  }
  // A model keeps its weights under another name.
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec stored, ReadModelSpec(folder));
  model::ModelSpec model = settings.model;
  model.name = stored.name;
  model.dense.name = stored.dense.name;
  BRAID_ASSIGN_OR_RETURN(
      Resumed resumed,
      ReadCheckpoint(folder, model, layout, FindOptimizer(settings.optimizer.kind).states(layout)));
  Log(LogLevel::kInfo, task.job,
      Format("goes on after step %lld of %lld, up to step %lld", (long long)state.step,
             (long long)state.training->total, (long long)note.total));
  const std::string others = spec::OtherSettings(*state.training, asked);
  if (!others.empty()) Log(LogLevel::kInfo, task.job, "from here on: " + others);
  return resumed;
}

}  // namespace braid::trainer
