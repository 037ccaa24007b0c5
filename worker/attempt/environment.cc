#include "worker/attempt/environment.h"

#include <algorithm>
#include <array>

extern char** environ;

namespace braid::worker {
namespace {

// Names and beginnings of names that tasks get. A library that needs another variable is a reason
// to add it here; keys of services (AWS_, HF_TOKEN, WANDB_, ...) never are.
constexpr std::array<std::string_view, 11> kNames = {
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "TERM"};
constexpr std::array<std::string_view, 33> kBeginnings = {
    "LC_",          "LD_",          "MALLOC_",   "GLIBC_",         "OMP_",         "GOMP_",
    "KMP_",         "MKL_",         "OPENBLAS_", "BLIS_",          "TBB_",         "DNNL_",
    "ONEDNN_",      "ATEN_",        "TORCH_",    "TORCHINDUCTOR_", "PYTORCH_",     "CUDA_",
    "CUBLAS_",      "CUBLASLT_",    "CUDNN_",    "NVIDIA_",        "NCCL_",        "GLOO_",
    "HIP_",         "ROCR_",        "HSA_",      "ASAN_OPTIONS",   "TSAN_OPTIONS", "UBSAN_OPTIONS",
    "LSAN_OPTIONS", "MSAN_OPTIONS", "BRAID_"};
// Begins like a variable that tasks get, but gives access to the coordinator.
constexpr std::string_view kOwnSecrets = "BRAID_TOKEN";

}  // namespace

bool IsForTasks(std::string_view name) {
  if (name.starts_with(kOwnSecrets)) return false;
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kBeginnings.begin(), kBeginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

std::map<std::string, std::string> TaskEnvironment() {
  std::map<std::string, std::string> kept;
  for (char** item = environ; *item != nullptr; ++item) {
    const std::string_view text = *item;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || !IsForTasks(text.substr(0, equals))) continue;
    kept[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return kept;
}

}  // namespace braid::worker
