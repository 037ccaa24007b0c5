// As much of NVML as the worker asks for: two GPUs, the second of which knows nothing of its
// memory.
#include <cstdint>
#include <cstdio>
#include <cstring>

extern "C" {

int nvmlInit_v2() {
  return 0;
}
int nvmlShutdown() {
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  return *count = 2, 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = reinterpret_cast<void*>(static_cast<uintptr_t>(index + 1));
  return 0;
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned size) {
  std::snprintf(text, size, "GPU-%zu", reinterpret_cast<uintptr_t>(device));
  return 0;
}
int nvmlDeviceGetName(void*, char* text, unsigned size) {
  std::snprintf(text, size, "Some GPU");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
  if (reinterpret_cast<uintptr_t>(device) == 2) return 3;  // not supported
  memory[0] = 1000;
  return 0;
}

}  // extern "C"
