// Checkpoints: everything to go on with, bit for bit (docs/formats.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Where a training ran: what decides the bits of its losses besides the seed.
struct Environment {
  int64_t world = 1;
  int64_t threads = 1;
  std::string instruction_set;

  friend bool operator==(const Environment&, const Environment&) = default;
};

struct TrainState {
  int64_t step = 0;    // steps done
  int64_t epoch = 0;   // of the last step
  int64_t tokens = 0;  // trained so far
  uint64_t seed = 0;
  Environment environment;
  std::vector<std::pair<int64_t, Environment>> before;  // other environments, each with the last
                                                        // step done there
  std::string settings;  // SHA-256 of the spec: a checkpoint of another training is refused
  Json unfinished;  // what is known of the last step whose validation a stop cut off; else null
};

Json ToJson(const TrainState& state);
Result<TrainState> StateFromJson(const Json& json, const std::string& path);

// Writes the folder whole: into a temporary one, synced, renamed. `optimizer` false leaves the
// optimizer's state and the ages of the tensors out (a model).
Status WriteCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                       const Layout& layout, const OptimizerSnapshot& snapshot,
                       const TrainState& state, const std::string& history, bool optimizer);

// "vocab is 400, the task says 500; ..." for two models that differ: what a checkpoint has against
// what is asked for.
std::string Differences(const model::ModelSpec& stored, const model::ModelSpec& asked);

// config.json of a checkpoint folder.
Result<model::ModelSpec> ReadModelSpec(const std::string& folder);
// A network with the weights of a checkpoint folder. Errors name file and tensor.
Result<std::unique_ptr<Network>> LoadNetwork(const std::string& folder, const std::string& device);

// Reads what stands in `folder` of the optimizer into the states that `snapshot` has, by their
// names: values from optimizer.safetensors, ages from `steps` of state.json (absent: all tensors
// are as old as its `step`). A tensor that lacks one of them, because another optimizer trained it
// or because it is new, has zeros of all and age 0; returns the slots of those. What each tensor
// has is in `states` of state.json (absent: m and v). Errors name file and tensor.
Result<std::vector<size_t>> ReadOptimizerState(const std::string& folder, const Layout& layout,
                                               OptimizerSnapshot* snapshot);

struct Resumed {
  TrainState state;
  OptimizerSnapshot snapshot;
  std::string history;
};
// What WriteCheckpoint wrote with an optimizer of these states (OptimizerKind::states); that of
// another one is an error.
Result<Resumed> ReadCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                               const Layout& layout, const std::vector<StateLayout>& states);

}  // namespace braid::trainer
