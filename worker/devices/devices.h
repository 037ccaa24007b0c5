// What a worker has to compute with: CPU slots, and GPUs as NVML reports them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::worker {

// A GPU, or an instance (MIG device) of one that is divided: CUDA gives a process one of either.
struct Gpu {
  std::string uuid;
  std::string name;
  uint64_t memory_bytes = 0;
  int64_t index = 0;    // of the GPU, in the order of the bus
  std::string model;    // the name of the GPU, also for its instances
  std::string parent;   // of an instance: the UUID of its GPU
  std::string numbers;  // of an instance: its older name, "MIG-GPU-<UUID>/<instance>/<compute
                        // instance>"
  bool operator==(const Gpu&) const = default;
};

// Cores that this process may use (affinity and cgroup limits counted in).
int32_t UsableCores();

// Threads of the processor for each job that has a GPU: an equal share of `cores` for each of
// `gpus`, at least 1 and at most 8. They make first values, noise and batches while the GPU
// computes, and sleep for the rest.
int32_t ThreadsOfGpuJob(int32_t cores, size_t gpus);

// The GPUs of this machine in the order of the bus, by dlopen of `library`; none if it is missing
// or has no device. A GPU that is divided into instances is listed as these. No CUDA context is
// made.
std::vector<Gpu> FindGpus(const std::string& library = "libnvidia-ml.so.1");

// Those of `gpus` that CUDA would show to a process with this value of CUDA_VISIBLE_DEVICES
// (nullopt: not set), in the order of the value: numbers, or UUIDs and unambiguous beginnings of
// them, up to the first that is none; nothing if one comes twice. Of a divided GPU that is named as
// a whole, the first instance. `order` is CUDA_DEVICE_ORDER: unless it is PCI_BUS_ID, CUDA numbers
// by speed, which NVML does not know, and numbers among GPUs of different kinds are
// kFailedPrecondition.
Result<std::vector<Gpu>> VisibleGpus(const std::vector<Gpu>& gpus,
                                     const std::optional<std::string>& value,
                                     const std::optional<std::string>& order);

// What `--gpus` chooses of `visible`: "all", "none", or UUIDs and unambiguous beginnings of them
// with commas between; the UUID of a divided GPU stands for all its instances. kInvalidArgument
// names what is not there, and what is.
Result<std::vector<Gpu>> ChooseGpus(const std::vector<Gpu>& visible, const std::string& choice);

// This machine's, as the environment and `choice` leave them: what a worker announces.
Result<std::vector<Gpu>> GpusForWorker(const std::string& choice,
                                       const std::string& library = "libnvidia-ml.so.1");

}  // namespace braid::worker
