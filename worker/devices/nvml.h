// The part of NVML (NVIDIA's management library) that the worker needs, declared here because its
// header comes with NVIDIA's driver packages, which most machines that build braid do not have.
#pragma once

#include <string>

namespace braid::worker {

struct NvmlMemory {
  unsigned long long total, free, used;
};
// In percent of the last sample period, at most a second.
struct NvmlUtilization {
  unsigned gpu, memory;
};
using NvmlDevice = void*;

// The functions of the library; each returns 0 or an error.
struct Nvml {
  void* library;
  int (*init)();
  int (*shutdown)();
  int (*count)(unsigned*);
  int (*handle)(unsigned, NvmlDevice*);
  int (*uuid)(NvmlDevice, char*, unsigned);
  int (*name)(NvmlDevice, char*, unsigned);
  int (*memory)(NvmlDevice, NvmlMemory*);
  // Null if the driver has none.
  int (*handle_by_uuid)(const char*, NvmlDevice*);
  int (*utilization)(NvmlDevice, NvmlUtilization*);
  // Null if the driver is too old to know MIG.
  int (*mig_mode)(NvmlDevice, unsigned* current, unsigned* pending);
  int (*mig_count)(NvmlDevice, unsigned*);
  int (*mig_handle)(NvmlDevice, unsigned, NvmlDevice*);
  int (*instance)(NvmlDevice, unsigned*);
  int (*compute_instance)(NvmlDevice, unsigned*);
  const char* (*error_text)(int);
};

// Loads the library with dlopen and finds its functions; false if it is missing or lacks one. The
// caller closes `nvml->library` with dlclose if that is not null, also after false.
bool OpenNvml(const std::string& library, Nvml* nvml);

}  // namespace braid::worker
