// Checkpoint folders (docs/formats.md): everything that a training needs to go on bit for bit, and
// the reading of models from them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"
#include "spec/going_on.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// The execution environment of a training. Together with the seed it decides the bits of the
// losses, because sums of floating-point numbers depend on their order.
struct Environment {
  // Number of ranks, and CPU threads of each.
  int64_t world = 1;
  int64_t threads = 1;
  // As InstructionSet() names it, for example "AVX2".
  std::string instruction_set;

  friend bool operator==(const Environment&, const Environment&) = default;
};

// The progress of a training; the contents of state.json.
struct TrainState {
  // Optimizer steps done.
  int64_t step = 0;
  // Epoch of the last step, from 0.
  int64_t epoch = 0;
  // Tokens trained on so far, over all ranks.
  int64_t tokens = 0;
  uint64_t seed = 0;
  // The learning rate of the step that would come next, of a merged composite the lowest of its
  // parents'. Absent where there was no step, or before versions that note it.
  std::optional<double> rate;
  // Where the last step ran.
  Environment environment;
  // Environments of earlier parts of the training, each with the last step done there.
  std::vector<std::pair<int64_t, Environment>> before;
  // SHA-256 of the task's spec, so that a checkpoint of another training is refused.
  std::string settings;
  // Its text and settings, of which a training that goes on must have some in common; absent in
  // checkpoints of merges and imports, and before versions that note it.
  std::optional<spec::TrainingNote> training;
  // The metrics of the last step if a stop interrupted its validation; else null. Whoever resumes
  // validates first.
  Json unfinished;
};

// Errors name the field, with `path` in front. Members of state.json that belong to the optimizer
// are ignored.
Json ToJson(const TrainState& state);
// The inverse of ToJson.
Result<TrainState> StateFromJson(const Json& json, const std::string& path);

// Writes the folder so that it appears complete or not at all: into `folder`.tmp, which is synced
// and then renamed. An older folder of this name is replaced. `history` is the text of
// history.jsonl. If `optimizer` is false, the optimizer's state, the ages of the tensors and the
// mean of the weights are left out: enough to evaluate the model, not to resume its training.
Status WriteCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                       const Layout& layout, const OptimizerSnapshot& snapshot,
                       const TrainState& state, const std::string& history, bool optimizer);

// A text for error messages on how two models differ, such as "vocab is 400, the task says 500;
// ...". `stored` is what a checkpoint has, `asked` what the task wants.
std::string Differences(const model::ModelSpec& stored, const model::ModelSpec& asked);

// Reads config.json of a checkpoint folder. Errors name the file and the field; a Hugging Face
// folder is recognised, and the message says what to do with it.
Result<model::ModelSpec> ReadModelSpec(const std::string& folder);
// Creates a network on `device` ("cpu" or "cuda") with the weights of a checkpoint folder. Errors
// name file and tensor.
Result<std::unique_ptr<Network>> LoadNetwork(const std::string& folder, const std::string& device);

// Reads the states that `snapshot` lists (for AdamW "m" and "v") from a checkpoint folder, by name:
// values from optimizer.safetensors, and the ages of the tensors from `steps` of state.json (if
// that is absent, all are as old as `step`). The age of a tensor is the number of updates behind
// its state, which the bias correction uses.
//
// A tensor that lacks one of its states, because another optimizer trained it or because it is new,
// gets zeros for all of them and age 0; the slots of these tensors are returned. `states` of
// state.json says which states each tensor has (if that is absent: m and v). Errors name file and
// tensor.
Result<std::vector<size_t>> ReadOptimizerState(const std::string& folder, const Layout& layout,
                                               OptimizerSnapshot* snapshot);

// All that a training needs to go on.
struct Resumed {
  TrainState state;
  OptimizerSnapshot snapshot;
  // The text of history.jsonl, up to state.step.
  std::string history;
};
// Reads a folder that WriteCheckpoint wrote with an optimizer. `spec`, `layout` and `states`
// (OptimizerKind::states) are those of the training that resumes. kInvalidArgument for another
// model, or for a checkpoint of another optimizer, naming the field or the tensor.
Result<Resumed> ReadCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                               const Layout& layout, const std::vector<StateLayout>& states);

}  // namespace braid::trainer
