// What a worker has to compute with: CPU slots, and GPUs as NVML reports them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace braid::worker {

struct Gpu {
  std::string uuid;
  std::string name;
  uint64_t memory_bytes = 0;
};

// Cores that this process may use (affinity and cgroup limits counted in).
int32_t UsableCores();

// The GPUs of this machine, by dlopen of `library`; none if it is missing or has no device. No CUDA context is made.
std::vector<Gpu> FindGpus(const std::string& library = "libnvidia-ml.so.1");

}  // namespace braid::worker
