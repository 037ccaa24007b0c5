#include "merge/parent.h"

#include <cstring>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "merge/tensor_values.h"
#include "model/tensors.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"

namespace braid::merge {
namespace {

std::vector<Parent::Tensor> TensorsOf(const storage::SafetensorsFile& file) {
  std::vector<Parent::Tensor> tensors;
  for (const storage::TensorEntry& entry : file.tensors())
    tensors.push_back({entry.name, entry.dtype, entry.shape});
  return tensors;
}

// `states` of state.json: for each tensor the names of its states.
Status ReadStates(const std::string& path, const Json& json, Parent::Moments* moments) {
  if (json.is_null()) return OkStatus();
  if (!json.is_object()) return InvalidArgument(path + ".states: expected an object of tensors");
  JsonReader read(json, path + ".states");
  for (const auto& [tensor, names] : json.items()) {
    (void)read.RequireArray(tensor);
    moments->states[tensor] = read.Strings(tensor);
    for (const std::string& name : moments->states[tensor]) {
      if (name.empty() || name.find('.') != std::string::npos)
        read.Fail(tensor, "names of states are not empty and have no dot in them");
    }
  }
  return read.Finish();
}

// Of state.json, step, steps and states alone; the rest is the trainer's.
Status ReadAges(const std::string& path, Parent::Moments* moments) {
  BRAID_ASSIGN_OR_RETURN(const Json state, ReadJsonFile(path));
  JsonReader read(state, path);
  moments->step = read.RequireInt("step");
  BRAID_RETURN_IF_ERROR(ReadStates(path, read.Value("states"), moments));
  // Absent in checkpoints whose tensors all have the same age.
  const Json& steps = read.Value("steps");
  if (!steps.is_null() && !steps.is_object())
    return InvalidArgument(path + ".steps: expected an object of tensors");
  if (steps.is_null())
    return moments->step >= 0 ? OkStatus() : InvalidArgument(path + ".step: must not be negative");
  for (const auto& [tensor, age] : steps.items()) {
    if (!age.is_number_integer() || age.get<int64_t>() < 0) {
      return InvalidArgument(path + ".steps." + tensor + ": expected a number of updates, found " +
                             Excerpt(age.dump()));
    }
    moments->steps[tensor] = age.get<int64_t>();
  }
  return OkStatus();
}

Result<Parent::Moments> ReadMoments(const std::string& name, const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kOptimizer);
  if (!PathExists(path)) {
    return Incompatible(
        "parent " + name +
        " has no optimizer.safetensors, which carry_optimizer and continue need; take a checkpoint "
        "with the state of training (the model of a train job has it), merge without "
        "carry_optimizer, or begin a new training with its weights (start)");
  }
  BRAID_ASSIGN_OR_RETURN(const auto file, storage::SafetensorsFile::Open(path));
  Parent::Moments moments;
  moments.tensors = TensorsOf(file);
  BRAID_RETURN_IF_ERROR(ReadAges(JoinPath(folder, artifact_files::kState), &moments));
  return moments;
}

// `rate` of state.json; absent in folders that are no part of a training, and before versions that
// note it.
Result<std::optional<double>> ReadRate(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kState);
  if (!PathExists(path)) return std::optional<double>();
  BRAID_ASSIGN_OR_RETURN(const Json state, ReadJsonFile(path));
  if (!state.is_object() || !state.contains("rate")) return std::optional<double>();
  if (!state["rate"].is_number())
    return InvalidArgument(path + ".rate: expected a number, found " +
                           Excerpt(state["rate"].dump()));
  return std::optional<double>(state["rate"].get<double>());
}

// Steps, tokens and training of state.json, which ReadAges has found to be an object.
Result<spec::Begun> ReadBegun(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kState);
  BRAID_ASSIGN_OR_RETURN(const Json state, ReadJsonFile(path));
  JsonReader read(state, path);
  spec::Begun begun{read.RequireInt("step"), read.Int("tokens", 0), {}};
  const Json training = read.Has("training") ? read.RequireObject("training") : Json();
  for (const auto& [key, value] : state.items()) (void)read.Value(key);  // the trainer's
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (training.is_null()) return begun;
  BRAID_ASSIGN_OR_RETURN(begun.training,
                         schema::FromJson<spec::TrainingNote>(training, path + ".training"));
  return begun;
}

using TensorsByName = std::map<std::string, const Parent::Tensor*>;

// `name` is there as `expected` says, and is then taken out of `there`.
Status TakeTensor(const std::string& parent, const std::string& name,
                  const model::TensorSpec& expected, TensorsByName* there) {
  // Whatever is left in `there` at the end has no place, which is as wrong as a missing tensor.
  const auto found = there->find(name);
  if (found == there->end())
    return Incompatible("parent " + parent + ": tensor " + name + " is missing");
  if (found->second->dtype != "F32") {
    return Incompatible("parent " + parent + ": tensor " + name + " is " + found->second->dtype +
                        ", expected F32");
  }
  if (found->second->shape != expected.shape) {
    return Incompatible("parent " + parent + ": tensor " + name + " has shape " +
                        Json(found->second->shape).dump() + ", its config.json says " +
                        Json(expected.shape).dump());
  }
  there->erase(found);
  return OkStatus();
}

TensorsByName ByName(const std::vector<Parent::Tensor>& tensors) {
  TensorsByName by_name;
  for (const Parent::Tensor& tensor : tensors) by_name[tensor.name] = &tensor;
  return by_name;
}

}  // namespace

int64_t Parent::Moments::Age(const std::string& tensor) const {
  const auto found = steps.find(tensor);
  return found == steps.end() ? step : found->second;
}

const std::vector<std::string>& Parent::Moments::StatesOf(const std::string& tensor) const {
  static const std::vector<std::string> kNone;
  // A checkpoint from before there were other optimizers.
  if (states.empty()) return AdamWStates();
  const auto found = states.find(tensor);
  return found == states.end() ? kNone : found->second;
}

const std::vector<std::string>& AdamWStates() {
  static const std::vector<std::string> kStates = {"m", "v"};
  return kStates;
}

Status Incompatible(const std::string& message) {
  return Status(StatusCode::kFailedPrecondition, ErrorReason::kIncompatibleParents, message);
}

Result<Parent> ReadParent(const std::string& name, const std::string& folder, bool moments) {
  const std::string path = JoinPath(folder, artifact_files::kConfig);
  BRAID_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(path));
  JsonReader read(config, path);
  (void)read.RequireInt("format");
  const Json& model = read.RequireObject("model");
  BRAID_RETURN_IF_ERROR(read.Finish());
  Parent parent;
  parent.name = name;
  BRAID_ASSIGN_OR_RETURN(parent.spec, model::FromJson(model, path + ".model"));
  BRAID_ASSIGN_OR_RETURN(
      const auto file, storage::SafetensorsFile::Open(JoinPath(folder, artifact_files::kWeights)));
  parent.tensors = TensorsOf(file);
  BRAID_ASSIGN_OR_RETURN(parent.rate, ReadRate(folder));
  if (moments) {
    BRAID_ASSIGN_OR_RETURN(parent.moments, ReadMoments(name, folder));
    BRAID_ASSIGN_OR_RETURN(parent.begun, ReadBegun(folder));
  }
  return parent;
}

Status CheckFinite(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kWeights);
  BRAID_ASSIGN_OR_RETURN(const auto file, storage::SafetensorsFile::Open(path));
  for (const storage::TensorEntry& entry : file.tensors()) {
    if (entry.dtype != "F32") continue;  // CheckTensors says so
    const char* values = file.Data(entry).data();
    const int64_t at = FirstImpossible(values, entry.elements(), /*second_moments=*/false);
    if (at == entry.elements()) continue;
    float value = 0;
    std::memcpy(&value, values + at * int64_t{sizeof value}, sizeof value);
    return InvalidArgument(
        Format("%s: tensor %s holds %g at element %lld; use an earlier checkpoint", path.c_str(),
               entry.name.c_str(), static_cast<double>(value), (long long)at));
  }
  return OkStatus();
}

Status CheckTensors(const Parent& parent) {
  const std::vector<model::TensorSpec> expected = model::Tensors(parent.spec);
  auto there = ByName(parent.tensors);
  for (const model::TensorSpec& tensor : expected)
    BRAID_RETURN_IF_ERROR(TakeTensor(parent.name, tensor.name, tensor, &there));
  if (!there.empty()) {
    return Incompatible("parent " + parent.name + ": tensor " + there.begin()->first +
                        " has no place in the composite");
  }
  if (!parent.moments) return OkStatus();
  // The same for the optimizer's file: each tensor has the states that it says it has, and no
  // others.
  there = ByName(parent.moments->tensors);
  for (const model::TensorSpec& tensor : expected) {
    for (const std::string& state : parent.moments->StatesOf(tensor.name))
      BRAID_RETURN_IF_ERROR(TakeTensor(parent.name, state + "." + tensor.name, tensor, &there));
  }
  if (there.empty()) return OkStatus();
  return Incompatible("parent " + parent.name + ": tensor " + there.begin()->first +
                      " of optimizer.safetensors belongs to none of its weights");
}

}  // namespace braid::merge
