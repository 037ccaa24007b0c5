// For comparisons: model_dump FOLDER... runs the checkpoint of each folder (config.json,
// model.safetensors) as its request.json says, and writes all that came out to result.safetensors
// there, or the error to error.txt.
//
// Request: {"ids": [[...]], "labels": [[...]], "auxiliary": {"lambda_entropy", "lambda_load",
// "load", "probs"},
//   "noise_seed": evaluation seed, "intervention": {...}, "readouts": true, "routing": true,
//   "decode": true,
//   "teaching": {"weight", "temperature", "parts": [{"sequences": [...], "teachers": [k, ...]}]},
//   where the checkpoint of teacher k is in the folder teacher.k, "match_rms": true}; labels are
//   negative where nothing counts. Without auxiliary its lambdas are 0.
// Result: "logits" [B, T, V] and "decoded" (the same from a Decoder, a token at a time),
// "log_probabilities" [B, T],
//   "loss" (mean, of Loss), "training.loss", "training.auxiliary", "grad.<name>",
//   "taught.loss", "taught.divergence", "taught.targets" and "taught.grad.<name>" with teaching,
//   "matched.<name>" with match_rms, the tensors behind it,
//   "readout.<place>.<field>", "routing.<layer>.choices" and ".clean_choices".
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "storage/files/safetensors.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

struct Request {
  std::vector<int32_t> ids, labels;
  int64_t batch = 0, sequence = 0;
  Auxiliary auxiliary{.lambda_entropy = 0, .lambda_load = 0};
  std::optional<Intervention> intervention;
  int64_t noise_seed = 0;
  bool readouts = false, routing = false, decode = false;
  Json teaching;  // null: nobody teaches
  bool match_rms = false;

  std::vector<int32_t> Row(int64_t row) const {
    return {ids.begin() + row * sequence, ids.begin() + (row + 1) * sequence};
  }
};

// Rows one after the other; all have the length of the first.
std::vector<int32_t> Rows(const Json& rows) {
  std::vector<int32_t> flat;
  for (const Json& row : rows) {
    for (const Json& value : row) flat.push_back(value.get<int32_t>());
  }
  return flat;
}

Intervention ReadIntervention(const Json& json) {
  Intervention in;
  in.layers = json.value("layers", in.layers);
  in.loops = json.value("loops", in.loops);
  in.rescales_steps = json.value("step_feature", "rescaled") == "rescaled";
  in.set_gates = json.contains("gate_deep");
  in.gate_deep = json.value("gate_deep", in.gate_deep);
  in.gate_wide = json.value("gate_wide", in.gate_wide);
  in.keep_sum = json.value("keep_sum", in.keep_sum);
  in.positions = json.value("positions", in.positions);
  const std::string shuffle = json.value("shuffle", "none");
  in.shuffle = shuffle == "joint"         ? GateShuffle::kJoint
               : shuffle == "independent" ? GateShuffle::kIndependent
                                          : GateShuffle::kNone;
  in.early_exit = json.value("early_exit", in.early_exit);
  return in;
}

Result<Request> ReadRequest(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  Request request;
  request.ids = Rows(json.at("ids"));
  request.labels = Rows(json.at("labels"));
  request.batch = static_cast<int64_t>(json.at("ids").size());
  request.sequence = static_cast<int64_t>(json.at("ids").at(0).size());
  if (json.contains("auxiliary")) {
    const Json& auxiliary = json["auxiliary"];
    request.auxiliary.lambda_entropy = auxiliary.at("lambda_entropy");
    request.auxiliary.lambda_load = auxiliary.at("lambda_load");
    request.auxiliary.load = *schema::FromName<spec::AuxLoad>(std::string(auxiliary.at("load")));
    request.auxiliary.probs = *schema::FromName<spec::AuxProbs>(std::string(auxiliary.at("probs")));
  }
  if (json.contains("intervention")) request.intervention = ReadIntervention(json["intervention"]);
  if (json.contains("teaching")) request.teaching = json["teaching"];
  request.match_rms = json.value("match_rms", false);
  request.noise_seed = json.value("noise_seed", request.noise_seed);
  request.readouts = json.value("readouts", false);
  request.routing = json.value("routing", false);
  request.decode = json.value("decode", false);
  return request;
}

// Named results, kept until all are known.
class Results {
 public:
  void Add(const std::string& name, std::vector<int64_t> shape, std::vector<float> values) {
    tensors_.push_back({name, "F32", std::move(shape)});
    values_.push_back(std::move(values));
  }
  void Add(const std::string& name, std::vector<float> values) {
    const auto count = static_cast<int64_t>(values.size());
    Add(name, {count}, std::move(values));
  }
  void Add(const std::string& name, double value) { Add(name, {}, {static_cast<float>(value)}); }

  Status Write(const std::string& path) const {
    BRAID_ASSIGN_OR_RETURN(const auto writer, storage::SafetensorsWriter::Create(path, tensors_));
    for (size_t i = 0; i < tensors_.size(); ++i) {
      BRAID_RETURN_IF_ERROR(
          writer->Append(tensors_[i].name, values_[i].data(), values_[i].size() * sizeof(float)));
    }
    return writer->Finish();
  }

 private:
  std::vector<storage::SafetensorsWriter::Tensor> tensors_;
  std::vector<std::vector<float>> values_;
};

void Evaluate(Network& network, const Request& request, Results& results) {
  const int64_t vocab = network.spec().vocab;
  network.SetEvaluationSeed(static_cast<uint64_t>(request.noise_seed));
  std::vector<float> logits;
  for (int64_t row = 0; row < request.batch; ++row) {
    const std::vector<float> part = network.Logits(request.Row(row), /*last_only=*/false);
    logits.insert(logits.end(), part.begin(), part.end());
  }
  results.Add("logits", {request.batch, request.sequence, vocab}, std::move(logits));
  network.SetEvaluationSeed(static_cast<uint64_t>(request.noise_seed));
  results.Add("log_probabilities", {request.batch, request.sequence},
              network.TokenLogProbabilities(request.ids.data(), request.labels.data(),
                                            request.batch, request.sequence));
  network.SetEvaluationSeed(static_cast<uint64_t>(request.noise_seed));
  const LossSum sum = network.Loss(request.ids.data(), request.labels.data(), request.batch,
                                   request.sequence);
  results.Add("loss", sum.loss / static_cast<double>(sum.targets));
}

void Decode(Network& network, const Request& request, Results& results) {
  std::vector<float> decoded;
  for (int64_t row = 0; row < request.batch; ++row) {
    const auto decoder = network.NewDecoder(request.sequence);
    for (const int32_t id : request.Row(row)) {
      const std::vector<float> logits = decoder->Read({id});
      decoded.insert(decoded.end(), logits.begin(), logits.end());
    }
  }
  results.Add("decoded", {request.batch, request.sequence, network.spec().vocab},
              std::move(decoded));
}

void Read(Network& network, const Request& request, Results& results) {
  for (const BlockReadout& block :
       network.Readouts(request.ids.data(), request.batch, request.sequence)) {
    const std::string at = "readout." + block.place + ".";
    results.Add(at + "rho", block.deep_share);
    results.Add(at + "cos", block.cosine);
    results.Add(at + "g_deep", block.gate_deep);
    results.Add(at + "g_wide", block.gate_wide);
    results.Add(at + "norm_deep", block.norm_deep);
    results.Add(at + "norm_wide", block.norm_wide);
    results.Add(at + "norm_x", block.norm_input);
    results.Add(at + "expected_steps", block.expected_steps);
    results.Add(at + "scale_deep", block.scale_deep);
    results.Add(at + "scale_wide", block.scale_wide);
    for (size_t k = 0; k < block.step_router.size(); ++k)
      results.Add(at + "q." + std::to_string(k), block.step_router[k]);
  }
}

void Route(Network& network, const Request& request, Results& results) {
  network.SetEvaluationSeed(static_cast<uint64_t>(request.noise_seed));
  const auto layers = network.Routing(request.ids.data(), request.batch, request.sequence);
  for (size_t l = 0; l < layers.size(); ++l) {
    const std::string at = "routing." + std::to_string(l) + ".";
    results.Add(at + "choices", {layers[l].choices.begin(), layers[l].choices.end()});
    results.Add(at + "clean_choices",
                {layers[l].clean_choices.begin(), layers[l].clean_choices.end()});
  }
}

void AddGradients(Network& network, const std::string& prefix, Results& results) {
  for (const Layout::Slot& slot : network.layout().slots) {
    const float* gradient = network.gradients() + slot.offset;
    results.Add(prefix + slot.tensor.name, slot.tensor.shape,
                {gradient, gradient + slot.tensor.elements()});
  }
}

void Train(Network& network, const Request& request, Results& results) {
  int64_t targets = 0;
  for (const int32_t label : request.labels) targets += label >= 0;
  network.SetAuxiliary(request.auxiliary);
  network.ZeroGradients();
  const LossSum sum = network.Backward(request.ids.data(), request.labels.data(), request.batch,
                                       request.sequence,
                                       {.scale = 1.0 / static_cast<double>(targets)});
  results.Add("training.loss", sum.loss / static_cast<double>(sum.targets));
  results.Add("training.auxiliary", sum.auxiliary);
  AddGradients(network, "grad.", results);
}

Status Teach(Network& network, const Request& request, const std::string& folder,
             Results& results) {
  std::map<int64_t, std::unique_ptr<Network>> teachers;
  Teaching teaching{request.teaching.at("weight"), request.teaching.at("temperature"), {}};
  for (const Json& part : request.teaching.at("parts")) {
    TaughtSequences taught{part.at("sequences").get<std::vector<int64_t>>(), {}};
    for (const Json& place : part.at("teachers")) {
      std::unique_ptr<Network>& teacher = teachers[place.get<int64_t>()];
      if (teacher == nullptr) {
        BRAID_ASSIGN_OR_RETURN(teacher,
                               LoadNetwork(JoinPath(folder, "teacher." + place.dump()), "cpu"));
      }
      taught.teachers.push_back(teacher.get());
    }
    teaching.parts.push_back(std::move(taught));
  }
  int64_t targets = 0;
  for (const int32_t label : request.labels) targets += label >= 0;
  network.ZeroGradients();
  const LossSum sum = network.Backward(
      request.ids.data(), request.labels.data(), request.batch, request.sequence,
      {.scale = 1.0 / static_cast<double>(targets), .teaching = &teaching});
  results.Add("taught.loss", sum.loss / static_cast<double>(sum.targets));
  results.Add("taught.divergence", sum.divergence);
  results.Add("taught.targets", static_cast<double>(sum.taught));
  AddGradients(network, "taught.grad.", results);
  return OkStatus();
}

Status Dump(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const Request request, ReadRequest(JoinPath(folder, "request.json")));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, "cpu"));
  Results results;
  network->SetIntervention(request.intervention);
  Evaluate(*network, request, results);
  if (request.decode) Decode(*network, request, results);
  if (request.readouts) Read(*network, request, results);
  if (request.routing) Route(*network, request, results);
  network->SetIntervention(std::nullopt);
  Train(*network, request, results);
  if (!request.teaching.is_null()) BRAID_RETURN_IF_ERROR(Teach(*network, request, folder, results));
  if (request.match_rms) {  // last, as it changes the weights
    network->MatchRms(request.ids.data(), request.batch, request.sequence);
    for (const Layout::Slot& slot : network->layout().slots) {
      const float* values = network->parameters() + slot.offset;
      results.Add("matched." + slot.tensor.name, slot.tensor.shape,
                  {values, values + slot.tensor.elements()});
    }
  }
  return results.Write(JoinPath(folder, "result.safetensors"));
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  braid::trainer::ConfigureRuntime(1);
  for (int i = 1; i < argc; ++i) {
    const std::string folder = argv[i];
    braid::Status status;
    try {
      status = braid::trainer::Dump(folder);
    } catch (const std::exception& error) {  // torch's own
      status = braid::Status(braid::StatusCode::kInternal, error.what());
    }
    if (status.ok()) continue;
    if (!braid::WriteFileAtomic(braid::JoinPath(folder, "error.txt"), status.message()).ok())
      return 1;
  }
  return 0;
}
