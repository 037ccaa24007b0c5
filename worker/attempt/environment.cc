#include "worker/attempt/environment.h"

#include <algorithm>
#include <array>

extern char** environ;

namespace braid::worker {
namespace {

// Names and beginnings of names that tasks get. A library that needs another variable is a reason
// to add it here; keys of services (HF_TOKEN, WANDB_, ...) never are, and those of buckets only for
// programs that fetch.
constexpr std::array<std::string_view, 11> kNames = {
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "TERM"};
constexpr std::array<std::string_view, 33> kBeginnings = {
    "LC_",          "LD_",          "MALLOC_",   "GLIBC_",         "OMP_",         "GOMP_",
    "KMP_",         "MKL_",         "OPENBLAS_", "BLIS_",          "TBB_",         "DNNL_",
    "ONEDNN_",      "ATEN_",        "TORCH_",    "TORCHINDUCTOR_", "PYTORCH_",     "CUDA_",
    "CUBLAS_",      "CUBLASLT_",    "CUDNN_",    "NVIDIA_",        "NCCL_",        "GLOO_",
    "HIP_",         "ROCR_",        "HSA_",      "ASAN_OPTIONS",   "TSAN_OPTIONS", "UBSAN_OPTIONS",
    "LSAN_OPTIONS", "MSAN_OPTIONS", "BRAID_"};
constexpr std::string_view kBucketKeys = "AWS_";
constexpr std::array<std::string_view, 11> kForFetching = {
    "NETRC",    "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy",
    "no_proxy", "all_proxy",      "HTTPS_PROXY",   "NO_PROXY",     "ALL_PROXY"};
// Begins like a variable that tasks get, but gives access to the coordinator.
constexpr std::string_view kOwnSecrets = "BRAID_TOKEN";

}  // namespace

bool IsForTasks(std::string_view name) {
  if (name.starts_with(kOwnSecrets)) return false;
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kBeginnings.begin(), kBeginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

bool IsForFetching(std::string_view name) {
  return name.starts_with(kBucketKeys) ||
         std::find(kForFetching.begin(), kForFetching.end(), name) != kForFetching.end();
}

std::map<std::string, std::string> TaskEnvironment(bool fetches) {
  std::map<std::string, std::string> kept;
  for (char** item = environ; *item != nullptr; ++item) {
    const std::string_view text = *item;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    if (!IsForTasks(name) && !(fetches && IsForFetching(name))) continue;
    kept[std::string(name)] = text.substr(equals + 1);
  }
  return kept;
}

}  // namespace braid::worker
