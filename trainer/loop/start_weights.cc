#include "trainer/loop/start_weights.h"

#include <string>

#include "base/file.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/start_moments.h"

namespace braid::trainer {
namespace {

// `start` with the fields of `wanted` that may differ: names; how the first values were drawn,
// which does not matter once there are weights; and the permitted length and the noise of routers,
// which do not change the tensors.
model::ModelSpec Aligned(model::ModelSpec start, const model::ModelSpec& wanted) {
  start.name = wanted.name;
  start.dense.name = wanted.dense.name;
  start.sequence = wanted.sequence;
  start.arch.residual_init = wanted.arch.residual_init;
  start.connection.init = wanted.connection.init;
  start.large.identity = wanted.large.identity;
  start.arch.rope_max_pos = wanted.arch.rope_max_pos;
  start.arch.router_noise = wanted.arch.router_noise;
  return start;
}

}  // namespace

Status LoadStart(const task::Task& task, const TrainSettings& settings, Network* network,
                 Optimizer* optimizer) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kInit));
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec stored, ReadModelSpec(folder));
  const model::ModelSpec start = Aligned(stored, settings.model);
  if (!(start == settings.model)) {
    return InvalidArgument("input \"init\" is another model than spec.model: " +
                           Differences(start, settings.model));
  }
  BRAID_ASSIGN_OR_RETURN(
      const auto file, storage::SafetensorsFile::Open(JoinPath(folder, artifact_files::kWeights)));
  BRAID_RETURN_IF_ERROR(network->Load(file));
  return TakeStartMoments(settings, folder, network->layout(), task.job, optimizer);
}

}  // namespace braid::trainer
