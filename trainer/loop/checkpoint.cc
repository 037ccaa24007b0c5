#include "trainer/loop/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {
namespace {

using storage::SafetensorsFile;
using storage::SafetensorsWriter;

Status WriteTensors(const std::string& path, const Layout& layout,
                    const std::vector<std::pair<std::string, const std::vector<float>*>>& buffers) {
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const auto& [prefix, values] : buffers) {
    for (const Layout::Slot& slot : layout.slots)
      tensors.push_back({prefix + slot.tensor.name, "F32", slot.tensor.shape});
  }
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, std::move(tensors)));
  for (const auto& [prefix, values] : buffers) {
    for (const Layout::Slot& slot : layout.slots) {
      BRAID_RETURN_IF_ERROR(
          writer->Append(prefix + slot.tensor.name, values->data() + slot.offset,
                         static_cast<uint64_t>(slot.tensor.elements()) * sizeof(float)));
    }
  }
  return writer->Finish();
}

Status ReadTensors(const SafetensorsFile& file, const Layout& layout, const std::string& prefix,
                   std::vector<float>* out) {
  out->assign(static_cast<size_t>(layout.size), 0.0f);
  for (const Layout::Slot& slot : layout.slots) {
    BRAID_ASSIGN_OR_RETURN(const float* data,
                           file.Floats(prefix + slot.tensor.name, slot.tensor.shape));
    std::memcpy(out->data() + slot.offset, data,
                static_cast<size_t>(slot.tensor.elements()) * sizeof(float));
  }
  return OkStatus();
}

Json ToJson(const Environment& environment) {
  return {{"world", environment.world},
          {"threads", environment.threads},
          {"instruction_set", environment.instruction_set}};
}

Environment ReadEnvironment(JsonReader& read) {
  return {read.Int("world", 1), read.Int("threads", 1), read.String("instruction_set", "")};
}

Json AgesToJson(const Layout& layout, const AdamW::Snapshot& snapshot) {
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

std::string ShortText(const Json& value) {
  const std::string text = value.dump();
  return text.size() <= 40 ? text : text.substr(0, 13) + "...";  // of a digest, its beginning
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
  for (const auto& [step, environment] : state.before) {
    Json entry = ToJson(environment);
    entry["until_step"] = step;
    json["before"].push_back(std::move(entry));
  }
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
  (void)read.Value("steps");  // of the optimizer: ReadMoments
  if (read.Has("unfinished")) state.unfinished = read.RequireObject("unfinished");
  const Json before = read.Has("before") ? read.RequireArray("before") : Json::array();
  BRAID_RETURN_IF_ERROR(read.Finish());
  for (size_t i = 0; i < before.size(); ++i) {
    JsonReader part(before[i], path + ".before." + std::to_string(i));
    const int64_t step = part.RequireInt("until_step");
    state.before.emplace_back(step, ReadEnvironment(part));
    BRAID_RETURN_IF_ERROR(part.Finish());
  }
  return state;
}

Status WriteCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                       const Layout& layout, const AdamW::Snapshot& snapshot,
                       const TrainState& state, const std::string& history, bool optimizer) {
  const std::string temporary = folder + ".tmp";
  BRAID_RETURN_IF_ERROR(RemoveTree(temporary));
  BRAID_RETURN_IF_ERROR(MakeFolder(temporary));
  BRAID_RETURN_IF_ERROR(
      WriteTensors(JoinPath(temporary, "model.safetensors"), layout, {{"", &snapshot.p}}));
  if (optimizer) {
    BRAID_RETURN_IF_ERROR(WriteTensors(JoinPath(temporary, "optimizer.safetensors"), layout,
                                       {{"m.", &snapshot.m}, {"v.", &snapshot.v}}));
  }
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(temporary, "config.json"),
                                      {{"format", 1}, {"model", model::ToJson(spec)}}));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(temporary, "history.jsonl"), history));
  Json state_json = ToJson(state);
  if (optimizer) state_json["steps"] = AgesToJson(layout, snapshot);
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(temporary, "state.json"), state_json));
  BRAID_RETURN_IF_ERROR(RemoveTree(folder));
  BRAID_RETURN_IF_ERROR(Rename(temporary, folder));
  return SyncFolder(std::string(FolderOf(folder)));
}

std::string Differences(const model::ModelSpec& stored, const model::ModelSpec& asked) {
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
  const std::string path = JoinPath(folder, "config.json");
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
                         SafetensorsFile::Open(JoinPath(folder, "model.safetensors")));
  BRAID_RETURN_IF_ERROR(network->Load(file));
  return network;
}

Status ReadMoments(const std::string& folder, const Layout& layout, AdamW::Snapshot* snapshot) {
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile moments,
                         SafetensorsFile::Open(JoinPath(folder, "optimizer.safetensors")));
  BRAID_RETURN_IF_ERROR(ReadTensors(moments, layout, "m.", &snapshot->m));
  BRAID_RETURN_IF_ERROR(ReadTensors(moments, layout, "v.", &snapshot->v));
  const std::string path = JoinPath(folder, "state.json");
  BRAID_ASSIGN_OR_RETURN(const Json state, ReadJsonFile(path));
  BRAID_ASSIGN_OR_RETURN(snapshot->ages, AgesFromJson(state, path, layout));
  return OkStatus();
}

Result<Resumed> ReadCheckpoint(const std::string& folder, const model::ModelSpec& spec,
                               const Layout& layout) {
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec stored, ReadModelSpec(folder));
  if (!(stored == spec)) {
    return InvalidArgument(
        folder + "/config.json is of another model than the task's: " + Differences(stored, spec));
  }
  const std::string state_path = JoinPath(folder, "state.json");
  BRAID_ASSIGN_OR_RETURN(const Json state_json, ReadJsonFile(state_path));
  Resumed resumed;
  BRAID_ASSIGN_OR_RETURN(resumed.state, StateFromJson(state_json, state_path));
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile weights,
                         SafetensorsFile::Open(JoinPath(folder, "model.safetensors")));
  BRAID_RETURN_IF_ERROR(ReadTensors(weights, layout, "", &resumed.snapshot.p));
  BRAID_RETURN_IF_ERROR(ReadMoments(folder, layout, &resumed.snapshot));
  resumed.snapshot.step = resumed.state.step;
  BRAID_ASSIGN_OR_RETURN(resumed.history, ReadFile(JoinPath(folder, "history.jsonl")));
  return resumed;
}

}  // namespace braid::trainer
