#include "trainer/loop/checkpoint.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"
#include "trainer/loop/outer_checkpoint.h"
#include "trainer/loop/tensor_files.h"

namespace braid::trainer {
namespace {

using storage::SafetensorsFile;

Status WriteOptimizerState(const std::string& path, const Layout& layout,
                           const OptimizerSnapshot& snapshot) {
  std::vector<TensorBuffer> buffers;
  for (const OptimizerSnapshot::State& state : snapshot.state)
    buffers.push_back({state.layout.name + ".", state.layout.offsets, state.values.data()});
  return WriteTensors(path, layout, buffers);
}

// The states of AdamW. Checkpoints that have only these do not list them, so that checkpoints from
// before there were other optimizers, and those of today, have the same form.
const std::vector<std::string> kAdamWStates = {"m", "v"};

std::vector<std::string> StatesOf(const OptimizerSnapshot& snapshot, size_t slot) {
  std::vector<std::string> names;
  for (const OptimizerSnapshot::State& state : snapshot.state) {
    if (state.layout.Covers(slot)) names.push_back(state.layout.name);
  }
  return names;
}

// The names of each tensor's states; null if all are the usual ones.
Json StatesToJson(const Layout& layout, const OptimizerSnapshot& snapshot) {
  Json states;
  bool usual = true;
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const std::vector<std::string> names = StatesOf(snapshot, i);
    usual = usual && names == kAdamWStates;
    states[layout.slots[i].tensor.name] = names;
  }
  return usual ? Json() : states;
}

// The names of each tensor's states, by slot of the layout.
Result<std::vector<std::vector<std::string>>> StatesFromJson(const Json& state,
                                                             const std::string& path,
                                                             const Layout& layout) {
  JsonReader read(state, path);
  if (!read.Has("states"))
    return std::vector<std::vector<std::string>>(layout.slots.size(), kAdamWStates);
  JsonReader states(read.RequireObject("states"), path + ".states");
  std::vector<std::vector<std::string>> all;
  for (const Layout::Slot& slot : layout.slots) {
    (void)states.RequireArray(slot.tensor.name);
    all.push_back(states.Strings(slot.tensor.name));
  }
  BRAID_RETURN_IF_ERROR(states.Finish());
  return all;
}

Json ToJson(const Environment& environment) {
  return {{"world", environment.world},
          {"threads", environment.threads},
          {"instruction_set", environment.instruction_set}};
}

Environment ReadEnvironment(JsonReader& read) {
  return {read.Int("world", 1), read.Int("threads", 1), read.String("instruction_set", "")};
}

// How many updates each tensor has had: after a merge, tensors of the parents are older than new
// ones, and AdamW corrects its moments by age.
Json AgesToJson(const Layout& layout, const OptimizerSnapshot& snapshot) {
  Json ages = Json::object();
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    ages[layout.slots[i].tensor.name] = snapshot.ages.empty() ? snapshot.step : snapshot.ages[i];
  }
  return ages;
}

Result<std::vector<int64_t>> AgesFromJson(const Json& state, const std::string& path,
                                          const Layout& layout) {
  JsonReader read(state, path);
  const int64_t step = read.RequireInt("step");
  if (!read.Has("steps")) return std::vector<int64_t>(layout.slots.size(), step);
  JsonReader ages(read.RequireObject("steps"), path + ".steps");
  std::vector<int64_t> all;
  for (const Layout::Slot& slot : layout.slots) {
    all.push_back(ages.RequireInt(slot.tensor.name));
    if (all.back() < 0) ages.Fail(slot.tensor.name, "must not be negative");
  }
  BRAID_RETURN_IF_ERROR(ages.Finish());
  return all;
}

// The mean of the weights and the number of its states; nothing if there is none.
Status ReadAverage(const std::string& folder, const Json& state, const Layout& layout,
                   OptimizerSnapshot* snapshot) {
  JsonReader read(state, JoinPath(folder, artifact_files::kState));
  if (!read.Has("averaged")) return OkStatus();
  snapshot->averaged = read.RequireInt("averaged");
  if (snapshot->averaged < 1) {
    return InvalidArgument(read.PathOf("averaged") + ": expected a number of states, found " +
                           std::to_string(snapshot->averaged));
  }
  return ReadWhole(JoinPath(folder, artifact_files::kAverage), layout, &snapshot->average);
}

std::string ShortText(const Json& value) {
  const std::string text = value.dump();
  return text.size() <= 40 ? text : text.substr(0, 13) + "...";  // enough to tell digests apart
}

}  // namespace

Json ToJson(const TrainState& state) {
  Json json = ToJson(state.environment);
  json.update({{"format", 1},
               {"step", state.step},
               {"epoch", state.epoch},
               {"tokens", state.tokens},
               {"seed", state.seed},
               {"settings", state.settings}});
  if (state.rate) json["rate"] = *state.rate;
  for (const auto& [step, environment] : state.before) {
    Json entry = ToJson(environment);
    entry["until_step"] = step;
    json["before"].push_back(std::move(entry));
  }
  if (state.training) json["training"] = schema::ToJson(*state.training);
  if (!state.unfinished.is_null()) json["unfinished"] = state.unfinished;
  return json;
}

Result<TrainState> StateFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  TrainState state;
  if (read.RequireInt("format") != 1) read.Fail("format", "this version of braid reads format 1");
  state.step = read.RequireInt("step");
  state.epoch = read.RequireInt("epoch");
  state.tokens = read.RequireInt("tokens");
  state.seed = static_cast<uint64_t>(read.RequireInt("seed"));
  state.environment = ReadEnvironment(read);
  state.settings = read.String("settings", "");
  // These belong to ReadOptimizerState; without reading them here, they would be unknown fields.
  for (const char* of_optimizer : {"steps", "states"}) (void)read.Value(of_optimizer);
  (void)read.Value("averaged");  // ReadAverage
  (void)read.Value("outer");     // outer_checkpoint.h
  if (read.Has("rate")) state.rate = read.RequireDouble("rate");
  const Json training = read.Has("training") ? read.RequireObject("training") : Json();
  if (read.Has("unfinished")) state.unfinished = read.RequireObject("unfinished");
  const Json before = read.Has("before") ? read.RequireArray("before") : Json::array();
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (!training.is_null()) {
    BRAID_ASSIGN_OR_RETURN(state.training,
                           schema::FromJson<spec::TrainingNote>(training, path + ".training"));
  }
  for (size_t i = 0; i < before.size(); ++i) {
    JsonReader part(before[i], path + ".before." + std::to_string(i));
    const int64_t step = part.RequireInt("until_step");
    state.before.emplace_back(step, ReadEnvironment(part));
    BRAID_RETURN_IF_ERROR(part.Finish());
  }
  return state;
}

Status WriteCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                       const Layout& layout, const OptimizerSnapshot& snapshot,
                       const TrainState& state, const std::string& history, bool optimizer) {
  // A crash leaves at most the temporary folder behind, never a checkpoint with half of its files.
  const std::string temporary = folder + ".tmp";
  BRAID_RETURN_IF_ERROR(RemoveTree(temporary));
  BRAID_RETURN_IF_ERROR(MakeFolder(temporary));
  BRAID_RETURN_IF_ERROR(
      WriteWhole(JoinPath(temporary, artifact_files::kWeights), layout, snapshot.p));
  if (optimizer) {
    BRAID_RETURN_IF_ERROR(
        WriteOptimizerState(JoinPath(temporary, artifact_files::kOptimizer), layout, snapshot));
    if (snapshot.averaged > 0) {
      BRAID_RETURN_IF_ERROR(
          WriteWhole(JoinPath(temporary, artifact_files::kAverage), layout, snapshot.average));
    }
    if (snapshot.outer) BRAID_RETURN_IF_ERROR(WriteOuterState(temporary, layout, snapshot));
  }
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(temporary, artifact_files::kConfig),
                                      {{"format", 1}, {"model", model::ToJson(spec)}}));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(temporary, artifact_files::kHistory), history));
  Json state_json = ToJson(state);
  if (optimizer) {
    state_json["steps"] = AgesToJson(layout, snapshot);
    if (Json states = StatesToJson(layout, snapshot); !states.is_null())
      state_json["states"] = std::move(states);
    if (snapshot.averaged > 0) state_json["averaged"] = snapshot.averaged;
    if (snapshot.outer) state_json["outer"] = ToJson(*snapshot.outer);
  }
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(temporary, artifact_files::kState), state_json));
  // A folder can be renamed to the place of an empty one only.
  BRAID_RETURN_IF_ERROR(RemoveTree(folder));
  BRAID_RETURN_IF_ERROR(Rename(temporary, folder));
  // The rename is durable only when the parent folder is synced.
  return SyncFolder(std::string(FolderOf(folder)));
}

std::string Differences(const model::ModelSpec& stored, const model::ModelSpec& asked) {
  // As lists of single fields, so that the message names them and not two large documents.
  const Json was = model::ToJson(stored).flatten();
  const Json is = model::ToJson(asked).flatten();
  std::vector<std::string> parts;
  const auto note = [&](const std::string& pointer) {
    std::string field = pointer.substr(1);
    std::replace(field.begin(), field.end(), '/', '.');
    parts.push_back(field + " is " + ShortText(was.value(pointer, Json())) + ", the task says " +
                    ShortText(is.value(pointer, Json())));
  };
  for (const auto& [pointer, value] : was.items()) {
    if (!is.contains(pointer) || is[pointer] != value) note(pointer);
  }
  for (const auto& [pointer, value] : is.items()) {
    if (!was.contains(pointer)) note(pointer);
  }
  return Join(parts, "; ");
}

Result<model::ModelSpec> ReadModelSpec(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kConfig);
  BRAID_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(path));
  if (config.is_object() && config.contains("model_type") && !config.contains("format")) {
    return InvalidArgument(folder +
                           " is a Hugging Face folder; braid import makes a checkpoint of a Llama, "
                           "and of braid's own form the checkpoint "
                           "that it was exported from is needed");
  }
  JsonReader read(config, path);
  if (read.RequireInt("format") != 1) read.Fail("format", "this version of braid reads format 1");
  const Json& model = read.RequireObject("model");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return model::FromJson(model, path + ".model");
}

Result<std::unique_ptr<Network>> LoadNetwork(const std::string& folder, const std::string& device) {
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, ReadModelSpec(folder));
  BRAID_ASSIGN_OR_RETURN(std::unique_ptr<Network> network, Network::Create(spec, device));
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile file,
                         SafetensorsFile::Open(JoinPath(folder, artifact_files::kWeights)));
  BRAID_RETURN_IF_ERROR(network->Load(file));
  return network;
}

Result<std::vector<size_t>> ReadOptimizerState(const std::string& folder, const Layout& layout,
                                               OptimizerSnapshot* snapshot) {
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile file,
                         SafetensorsFile::Open(JoinPath(folder, artifact_files::kOptimizer)));
  const std::string path = JoinPath(folder, artifact_files::kState);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  BRAID_ASSIGN_OR_RETURN(const auto there, StatesFromJson(json, path, layout));
  BRAID_ASSIGN_OR_RETURN(snapshot->ages, AgesFromJson(json, path, layout));
  for (OptimizerSnapshot::State& state : snapshot->state)
    state.values.assign(static_cast<size_t>(state.layout.size), 0.0f);
  std::vector<size_t> absent;
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const model::TensorSpec& tensor = layout.slots[i].tensor;
    const std::vector<std::string> names = StatesOf(*snapshot, i);
    const bool all = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return std::find(there[i].begin(), there[i].end(), name) != there[i].end();
    });
    if (!all) {
      // It begins anew, at an age of nothing, on which the bias correction depends: a part of the
      // states would be worse than none.
      absent.push_back(i);
      snapshot->ages[i] = 0;
      continue;
    }
    for (OptimizerSnapshot::State& state : snapshot->state) {
      if (!state.layout.Covers(i)) continue;
      BRAID_RETURN_IF_ERROR(ReadTensor(file, state.layout.name + "." + tensor.name, tensor,
                                       state.values.data() + state.layout.offsets[i]));
    }
  }
  return absent;
}

Result<Resumed> ReadCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                               const Layout& layout, const std::vector<StateLayout>& states) {
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec stored, ReadModelSpec(folder));
  if (!(stored == spec)) {
    return InvalidArgument(
        folder + "/config.json is of another model than the task's: " + Differences(stored, spec));
  }
  const std::string state_path = JoinPath(folder, artifact_files::kState);
  BRAID_ASSIGN_OR_RETURN(const Json state_json, ReadJsonFile(state_path));
  Resumed resumed;
  BRAID_ASSIGN_OR_RETURN(resumed.state, StateFromJson(state_json, state_path));
  OptimizerSnapshot& snapshot = resumed.snapshot;
  BRAID_RETURN_IF_ERROR(ReadWhole(JoinPath(folder, artifact_files::kWeights), layout, &snapshot.p));
  BRAID_RETURN_IF_ERROR(ReadAverage(folder, state_json, layout, &snapshot));
  for (const StateLayout& state : states) snapshot.state.push_back({state, {}});
  BRAID_ASSIGN_OR_RETURN(const std::vector<size_t> absent,
                         ReadOptimizerState(folder, layout, &snapshot));
  if (!absent.empty()) {
    const std::string& tensor = layout.slots[absent.front()].tensor.name;
    return InvalidArgument(state_path + ".states." + tensor + ": does not have " +
                           Join(StatesOf(snapshot, absent.front()), " and ") +
                           ", which this training's optimizer keeps; the checkpoint is of "
                           "another optimizer, start without it");
  }
  snapshot.step = resumed.state.step;
  BRAID_ASSIGN_OR_RETURN(resumed.history, ReadFile(JoinPath(folder, artifact_files::kHistory)));
  return resumed;
}

}  // namespace braid::trainer
