#include "trainer/kernels/cuda_plugin.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mutex.h"
#include "trainer/kernels/fault.h"

namespace braid::trainer {
namespace {

const CudaFunctions* g_functions = nullptr;

}  // namespace

Status LoadCudaPlugin() {
  static Mutex mutex;
  MutexLock lock(mutex);
  if (g_functions != nullptr) return OkStatus();
  char self[4096];
  Dl_info info{};
  const void* here = reinterpret_cast<const void*>(&LoadCudaPlugin);
  std::string folder = ".";
  if (dladdr(here, &info) != 0 && info.dli_fname != nullptr &&
      realpath("/proc/self/exe", self) != nullptr) {
    folder = std::string(FolderOf(self));
  }
  const std::string path = JoinPath(folder, "libbraid_trainer_cuda.so");
  // In deterministic mode torch refuses matrix products on the GPU without this setting, and reads
  // it only once.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    return DeviceUnusable(
        std::string("braid's CUDA plug-in cannot be loaded (") + dlerror() +
        "); scripts/build makes it beside braid-trainer wherever nvcc is, after scripts/setup");
  }
  using Entry = const CudaFunctions* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "braid_cuda_functions"));
  if (entry == nullptr)
    return DeviceUnusable(path + " is not braid's CUDA plug-in; build it again");
  BRAID_RETURN_IF_ERROR(entry()->check_device());
  g_functions = entry();
  return OkStatus();
}

const CudaFunctions* CudaPlugin() {
  return g_functions;
}

}  // namespace braid::trainer
