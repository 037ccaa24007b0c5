// NVML of a machine with a whole GPU, a divided one with two instances (numbers 1 and 3), and one
// that is divided into nothing.
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

// Handles: 1, 2, 3 are GPUs; 21, 23 instances of the second.
uintptr_t Of(void* device) {
  return reinterpret_cast<uintptr_t>(device);
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  return 0;
}
int nvmlShutdown() {
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  return *count = 3, 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = reinterpret_cast<void*>(static_cast<uintptr_t>(index + 1));
  return 0;
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned size) {
  const char* names[] = {"", "GPU-aaaa", "GPU-bbbb", "GPU-cccc"};
  std::snprintf(text, size, "%s",
                Of(device) == 21   ? "MIG-1111"
                : Of(device) == 23 ? "MIG-3333"
                                   : names[Of(device)]);
  return 0;
}
int nvmlDeviceGetName(void* device, char* text, unsigned size) {
  std::snprintf(text, size, Of(device) > 3 ? "Some GPU MIG 1g.10gb" : "Some GPU");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
  return memory[0] = Of(device) > 3 ? 10 : 80, 0;
}
int nvmlDeviceGetMigMode(void* device, unsigned* current, unsigned* pending) {
  if (Of(device) == 1) return 3;  // not supported
  return *current = *pending = 1, 0;
}
int nvmlDeviceGetMaxMigDeviceCount(void*, unsigned* count) {
  return *count = 7, 0;
}
int nvmlDeviceGetMigDeviceHandleByIndex(void* device, unsigned index, void** instance) {
  if (Of(device) != 2 || (index != 1 && index != 3)) return 6;  // not found
  *instance = reinterpret_cast<void*>(static_cast<uintptr_t>(20 + index));
  return 0;
}
int nvmlDeviceGetGpuInstanceId(void* device, unsigned* id) {
  return *id = static_cast<unsigned>(Of(device) - 20), 0;
}
int nvmlDeviceGetComputeInstanceId(void*, unsigned* id) {
  return *id = 0, 0;
}

}  // extern "C"
