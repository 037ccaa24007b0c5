#include "worker/devices/nvml.h"

#include <dlfcn.h>

namespace braid::worker {
namespace {

template <typename Function>
bool Find(void* library, const char* symbol, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, symbol));
  return *function != nullptr;
}

}  // namespace

bool OpenNvml(const std::string& library, Nvml* nvml) {
  *nvml = {};
  nvml->library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (nvml->library == nullptr) return false;
  const bool whole = Find(nvml->library, "nvmlInit_v2", &nvml->init) &&
                     Find(nvml->library, "nvmlShutdown", &nvml->shutdown) &&
                     Find(nvml->library, "nvmlDeviceGetCount_v2", &nvml->count) &&
                     Find(nvml->library, "nvmlDeviceGetHandleByIndex_v2", &nvml->handle) &&
                     Find(nvml->library, "nvmlDeviceGetUUID", &nvml->uuid) &&
                     Find(nvml->library, "nvmlDeviceGetName", &nvml->name) &&
                     Find(nvml->library, "nvmlDeviceGetMemoryInfo", &nvml->memory);
  const bool divides =
      Find(nvml->library, "nvmlDeviceGetMigMode", &nvml->mig_mode) &&
      Find(nvml->library, "nvmlDeviceGetMaxMigDeviceCount", &nvml->mig_count) &&
      Find(nvml->library, "nvmlDeviceGetMigDeviceHandleByIndex", &nvml->mig_handle) &&
      Find(nvml->library, "nvmlDeviceGetGpuInstanceId", &nvml->instance) &&
      Find(nvml->library, "nvmlDeviceGetComputeInstanceId", &nvml->compute_instance);
  // A driver from before MIG: its GPUs are whole.
  if (!divides) nvml->mig_mode = nullptr;
  (void)Find(nvml->library, "nvmlDeviceGetHandleByUUID", &nvml->handle_by_uuid);
  (void)Find(nvml->library, "nvmlDeviceGetUtilizationRates", &nvml->utilization);
  (void)Find(nvml->library, "nvmlErrorString", &nvml->error_text);
  return whole;
}

}  // namespace braid::worker
