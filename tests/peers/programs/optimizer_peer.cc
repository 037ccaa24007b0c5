// For comparisons: optimizer_peer FOLDER... lets an optimizer go from the weights of each folder
// (config.json, model.safetensors) along given gradients, as its request.json says, and writes what
// it made of them to result.safetensors there.
//
// Request: {"train": TRAIN, "rates": [lr, ...]}, TRAIN being `train` of a task, whose optimizer,
//   clip and decay_scope count. Step i takes its gradients from gradients-<i>.safetensors. With
//   outer steps (`sync`) it is their optimizer, and the gradients are the mean changes of ranks.
// Result: "<i>.<tensor>", the parameters after step i, and "<i>.norm", the norm of its gradients.
// With {"train": TRAIN, "total_steps": n} instead: "rates", the learning rates of n + 1 steps.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "storage/files/safetensors.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/settings.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/outer_optimizer.h"

namespace braid::trainer {
namespace {

using Tensors = std::vector<std::pair<storage::SafetensorsWriter::Tensor, std::vector<float>>>;

Result<TrainSettings> SettingsOf(const model::ModelSpec& model, const Json& request) {
  return ReadTrainSettings({{"model", model::ToJson(model)},
                            {"data",
                             {{"sequence", model.sequence},
                              {"sources", {{{"role", "data.a"}, {"share", "all"}}}},
                              {"seed", 1}}},
                            {"train", request.at("train")}});
}

Status Train(const std::string& folder, const TrainSettings& settings, const Json& rates,
             Tensors* results) {
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, "cpu"));
  const auto optimizer = MakeOptimizer(*network, settings.optimizer);
  const spec::Sync sync = settings.outer_steps.value_or(spec::Sync());
  OuterOptimizer outer(sync.outer, *network);
  for (size_t step = 0; step < rates.size(); ++step) {
    BRAID_ASSIGN_OR_RETURN(const auto file,
                           storage::SafetensorsFile::Open(folder + "/gradients-" +
                                                          std::to_string(step) + ".safetensors"));
    for (const Layout::Slot& slot : network->layout().slots) {
      BRAID_ASSIGN_OR_RETURN(const float* gradient,
                             file.Floats(slot.tensor.name, slot.tensor.shape));
      std::copy_n(gradient, slot.tensor.elements(), network->gradients() + slot.offset);
    }
    const std::string prefix = std::to_string(step) + ".";
    if (settings.outer_steps) {
      outer.Step(/*ranks=*/1);
    } else {
      results->push_back({{prefix + "norm", "F32", {}},
                          {static_cast<float>(optimizer->Step(rates[step].get<double>()))}});
    }
    for (const Layout::Slot& slot : network->layout().slots) {
      const float* begin = network->parameters() + slot.offset;
      results->push_back({{prefix + slot.tensor.name, "F32", slot.tensor.shape},
                          {begin, begin + slot.tensor.elements()}});
    }
  }
  return OkStatus();
}

Status Run(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const Json request, ReadJsonFile(folder + "/request.json"));
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec model, ReadModelSpec(folder));
  BRAID_ASSIGN_OR_RETURN(TrainSettings settings, SettingsOf(model, request));
  Tensors results;
  if (request.contains("total_steps")) {
    settings.schedule.total_steps = request["total_steps"].get<int64_t>();
    std::vector<float> rates;
    for (int64_t step = 0; step <= settings.schedule.total_steps; ++step)
      rates.push_back(static_cast<float>(LearningRate(settings.schedule, step)));
    const auto count = static_cast<int64_t>(rates.size());
    results.push_back({{"rates", "F32", {count}}, std::move(rates)});
  } else {
    BRAID_RETURN_IF_ERROR(Train(folder, settings, request.at("rates"), &results));
  }
  std::vector<storage::SafetensorsWriter::Tensor> headers;
  for (const auto& [header, values] : results) headers.push_back(header);
  BRAID_ASSIGN_OR_RETURN(
      const auto writer,
      storage::SafetensorsWriter::Create(folder + "/result.safetensors", std::move(headers)));
  for (const auto& [header, values] : results) {
    BRAID_RETURN_IF_ERROR(
        writer->Append(header.name, values.data(), values.size() * sizeof(float)));
  }
  return writer->Finish();
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  braid::trainer::ConfigureRuntime(1);
  for (int i = 1; i < argc; ++i) {
    if (const braid::Status status = braid::trainer::Run(argv[i]); !status.ok())
      return std::fprintf(stderr, "%s: %s\n", argv[i], status.ToString().c_str()), 1;
  }
  return 0;
}
