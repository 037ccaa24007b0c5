#include "worker/devices.h"

#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"

namespace braid::worker {
namespace {

// NVML's interface, as far as it is needed (no package ships its header without a driver).
struct Memory {
  unsigned long long total, free, used;
};
using Device = void*;

struct Nvml {
  void* library;
  int (*init)();
  int (*shutdown)();
  int (*count)(unsigned*);
  int (*handle)(unsigned, Device*);
  int (*uuid)(Device, char*, unsigned);
  int (*name)(Device, char*, unsigned);
  int (*memory)(Device, Memory*);
};

template <typename Function>
bool Find(void* library, const char* symbol, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, symbol));
  return *function != nullptr;
}

}  // namespace

int32_t UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int32_t cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  // cgroup v2: "<quota> <period>" in microseconds, or "max <period>".
  if (const auto limit = ReadFile("/sys/fs/cgroup/cpu.max"); limit.ok()) {
    const std::vector<std::string> parts = Split(Trim(*limit), ' ');
    if (parts.size() == 2 && parts[0] != "max") {
      const double quota = std::atof(parts[0].c_str()) / std::max(1.0, std::atof(parts[1].c_str()));
      cores = std::min(cores, std::max(1, static_cast<int32_t>(quota)));
    }
  }
  return std::max(1, cores);
}

std::vector<Gpu> FindGpus(const std::string& library) {
  std::vector<Gpu> gpus;
  Nvml nvml{};
  nvml.library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (nvml.library == nullptr) return gpus;
  const bool whole = Find(nvml.library, "nvmlInit_v2", &nvml.init) && Find(nvml.library, "nvmlShutdown", &nvml.shutdown) &&
                     Find(nvml.library, "nvmlDeviceGetCount_v2", &nvml.count) &&
                     Find(nvml.library, "nvmlDeviceGetHandleByIndex_v2", &nvml.handle) &&
                     Find(nvml.library, "nvmlDeviceGetUUID", &nvml.uuid) && Find(nvml.library, "nvmlDeviceGetName", &nvml.name) &&
                     Find(nvml.library, "nvmlDeviceGetMemoryInfo", &nvml.memory);
  unsigned count = 0;
  if (whole && nvml.init() == 0) {
    if (nvml.count(&count) != 0) count = 0;
    for (unsigned i = 0; i < count; ++i) {
      Device device = nullptr;
      char uuid[96] = "", name[96] = "";
      Memory memory{};
      if (nvml.handle(i, &device) != 0 || nvml.uuid(device, uuid, sizeof uuid) != 0) continue;
      (void)nvml.name(device, name, sizeof name);
      (void)nvml.memory(device, &memory);  // not every device supports it
      gpus.push_back({uuid, name, memory.total});
    }
    nvml.shutdown();
  }
  dlclose(nvml.library);
  return gpus;
}

}  // namespace braid::worker
