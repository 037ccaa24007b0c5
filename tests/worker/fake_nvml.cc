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
  memory[2] = 600;
  return 0;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  unsigned number = 0;
  if (std::sscanf(uuid, "GPU-%u", &number) != 1 || number < 1 || number > 2) return 6;  // not found
  *device = reinterpret_cast<void*>(static_cast<uintptr_t>(number));
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* device, unsigned* rates) {
  if (reinterpret_cast<uintptr_t>(device) == 2) return 3;  // not supported
  rates[0] = 73;
  rates[1] = 5;
  return 0;
}

}  // extern "C"
