// The devices of a worker's machine: CPU cores, and GPUs as NVML (NVIDIA's management library)
// reports them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::worker {

// A GPU, or one MIG instance of a GPU that is divided. CUDA gives a process one or the other.
struct Gpu {
  std::string uuid;
  std::string name;
  uint64_t memory_bytes = 0;
  // Number of the physical GPU in PCI bus order, also for its instances.
  int64_t index = 0;
  // Name of the physical GPU, also for its instances.
  std::string model;
  // For an instance: UUID of its GPU; else empty.
  std::string parent;
  // For an instance: its older name, "MIG-GPU-<UUID>/<instance>/<compute instance>".
  std::string numbers;
  bool operator==(const Gpu&) const = default;
};

// CPU cores that this process may use, within its affinity mask and the limit of its cgroup; at
// least 1.
int32_t UsableCores();

// CPU threads of each job that has a GPU: an equal share of `cores` for each of `gpus`, between 1
// and 8. They compute initial values and noise and prepare batches while the GPU computes, and
// sleep otherwise.
int32_t ThreadsOfGpuJob(int32_t cores, size_t gpus);

// The GPUs of this machine in PCI bus order; a divided GPU is listed as its instances. `library` is
// loaded with dlopen; the result is empty if it is missing or finds no device. No CUDA context is
// created, which would take memory of the GPU.
std::vector<Gpu> FindGpus(const std::string& library = "libnvidia-ml.so.1");

// Those of `gpus` that CUDA would show to a process with this value of CUDA_VISIBLE_DEVICES
// (nullopt: not set), in the order of the value. As in CUDA, the value lists numbers, or UUIDs and
// unambiguous prefixes of UUIDs; the first invalid element ends the list; a duplicate makes it
// empty; and a divided GPU named as a whole stands for its first instance.
//
// `order` is CUDA_DEVICE_ORDER. Unless that is PCI_BUS_ID, CUDA numbers devices by speed, which
// NVML does not know; numbers among GPUs of different models are therefore kFailedPrecondition.
Result<std::vector<Gpu>> VisibleGpus(const std::vector<Gpu>& gpus,
                                     const std::optional<std::string>& value,
                                     const std::optional<std::string>& order);

// The GPUs of `visible` that the flag --gpus names: "all", "none", or UUIDs and unambiguous
// prefixes, separated by commas; the UUID of a divided GPU stands for all of its instances.
// kInvalidArgument names the element that matches nothing, or more than one, and lists what there
// is.
Result<std::vector<Gpu>> ChooseGpus(const std::vector<Gpu>& visible, const std::string& choice);

// The GPUs that a worker announces: those of this machine that CUDA_VISIBLE_DEVICES shows and
// `choice` (--gpus) names.
Result<std::vector<Gpu>> GpusForWorker(const std::string& choice,
                                       const std::string& library = "libnvidia-ml.so.1");

}  // namespace braid::worker
