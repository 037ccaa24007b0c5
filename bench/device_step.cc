// Measures a training step of any model on a device: forward, loss, backward, clipping, update,
// zeroing of gradients.
//
//   device_step MODEL.json DEVICE BATCH SEQUENCE SECONDS THREADS [TRACE.json]
//
// MODEL.json is a model as in a checkpoint's config.json, DEVICE cpu or cuda. Prints one JSON line:
// the tokens/s of every step after the first three, the operations of a token (forward and
// backward), the parameters, and the first and the last loss. With TRACE.json, one more step is
// recorded in Chrome's trace format, with the kernels of the GPU.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/file.h"
#include "base/guarded_main.h"
#include "base/json.h"
#include "base/random.h"
#include "model/flops.h"
#include "model/tensors.h"
#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/fault.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWarmUp = 3;

double Seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

// One micro-batch of random tokens with the labels that training would give them.
struct Batch {
  Batch(const model::ModelSpec& spec, int64_t rows, int64_t columns)
      : batch(rows), sequence(columns) {
    const RandomStream draws(1, "tokens");
    ids.resize(static_cast<size_t>(batch * sequence));
    labels.resize(ids.size());
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<int32_t>(draws.Below(i, static_cast<uint64_t>(spec.vocab - 1)));
    for (int64_t b = 0; b < batch; ++b) {
      MakeLabels(ids.data() + b * sequence, sequence, static_cast<int32_t>(spec.pad_id),
                 labels.data() + b * sequence);
    }
  }

  int64_t batch, sequence;
  std::vector<int32_t> ids, labels;
};

// A step whose end is the end of all its work: the norm that the update returns is read on the
// host.
double Step(Network& network, Optimizer& optimizer, const Batch& batch) {
  const auto targets = static_cast<double>(batch.batch * (batch.sequence - 1));
  const LossSum sum = network.Backward(batch.ids.data(), batch.labels.data(), batch.batch,
                                       batch.sequence, {.scale = 1 / targets});
  optimizer.Step(5e-4);
  return sum.loss / targets;
}

void Trace(Network& network, Optimizer& optimizer, const Batch& batch, bool gpu,
           const std::string& path) {
  using torch::profiler::impl::ActivityType;
  std::set<ActivityType> activities{ActivityType::CPU};
  if (gpu) activities.insert(ActivityType::CUDA);
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
  torch::autograd::profiler::prepareProfiler(config, activities);
  torch::autograd::profiler::enableProfiler(
      config, activities, {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION});
  (void)Step(network, optimizer, batch);
  torch::autograd::profiler::disableProfiler()->save(path);
}

Result<Json> Measure(const std::string& model, const std::string& device, int64_t rows,
                     int64_t sequence, double seconds, int64_t threads, const std::string& trace) {
  if (device == "cuda") BRAID_RETURN_IF_ERROR(LoadCudaPlugin());
  ConfigureRuntime(threads);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(model));
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, model::FromJson(json));
  BRAID_ASSIGN_OR_RETURN(const auto network, Network::Create(spec, device));
  network->Initialize(42);
  const auto optimizer = MakeOptimizer(*network, {});
  const Batch batch(spec, rows, sequence);
  Json rates = Json::array();
  double first = 0, last = 0;
  const Clock::time_point begun = Clock::now();
  for (int step = 0; step < kWarmUp + 2 || Seconds(begun) < seconds; ++step) {
    const Clock::time_point start = Clock::now();
    last = Step(*network, *optimizer, batch);
    if (step == 0) first = last;
    if (step >= kWarmUp) rates.push_back(static_cast<double>(rows * sequence) / Seconds(start));
  }
  if (!trace.empty()) Trace(*network, *optimizer, batch, device == "cuda", trace);
  return Json{{"rates", rates},
              {"flops_per_token", 3 * model::ForwardFlopsPerToken(spec)},
              {"parameters", model::ParameterCount(spec)},
              {"first_loss", first},
              {"last_loss", last}};
}

int Main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    std::fprintf(stderr,
                 "device_step MODEL.json DEVICE BATCH SEQUENCE SECONDS THREADS [TRACE.json]\n");
    return 2;
  }
  Result<Json> measured = Json();
  try {
    measured = Measure(argv[1], argv[2], std::atoll(argv[3]), std::atoll(argv[4]),
                       std::atof(argv[5]), std::atoll(argv[6]), argc == 8 ? argv[7] : "");
  } catch (const std::exception& error) {
    measured = StatusOf(error);
  }
  if (!measured.ok()) {
    std::fprintf(stderr, "device_step: %s\n", measured.status().message().c_str());
    return 1;
  }
  std::printf("%s\n", measured->dump().c_str());
  return 0;
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  return braid::GuardedMain("device_step", braid::trainer::Main, argc, argv);
}
