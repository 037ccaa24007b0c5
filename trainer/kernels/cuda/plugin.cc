#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>

#include "base/text.h"
#include "trainer/collective/nccl.h"
#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/fault.h"

extern "C" cudaError_t braid_softmax_loss(float* logits, const int64_t* labels, float* losses,
                                          int64_t rows, int64_t vocab, float scale, bool gradients,
                                          cudaStream_t stream);
extern "C" cudaError_t braid_softmax_loss_is_there();

namespace braid::trainer {
namespace {

int DeviceCount() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

Status CheckDevice() {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess || count < 1) {
    return DeviceUnusable(
        "no GPU is visible to this process (" +
        std::string(cudaGetErrorString(error == cudaSuccess ? cudaErrorNoDevice : error)) +
        "); look at the driver with nvidia-smi and at CUDA_VISIBLE_DEVICES");
  }
  // The usual way to create the context: cudaFree of nothing does only that.
  if (const cudaError_t error = cudaFree(nullptr); error != cudaSuccess) {
    return StatusOfCuda(
        error, "the GPU could not be opened (" + std::string(cudaGetErrorString(error)) + ")");
  }
  if (const cudaError_t error = braid_softmax_loss_is_there(); error != cudaSuccess) {
    cudaDeviceProp properties{};
    (void)cudaGetDeviceProperties(&properties, 0);
    return StatusOfCuda(
        error,
        Format("%s has compute capability %d.%d, for which this build has no code (%s)",
               properties.name, properties.major, properties.minor, cudaGetErrorString(error)));
  }
  return OkStatus();
}

void SoftmaxLoss(float* logits, const int64_t* labels, float* losses, int64_t rows, int64_t vocab,
                 float scale, bool gradients) {
  C10_CUDA_CHECK(braid_softmax_loss(logits, labels, losses, rows, vocab, scale, gradients,
                                    c10::cuda::getCurrentCUDAStream().stream()));
}

}  // namespace
}  // namespace braid::trainer

extern "C" const braid::trainer::CudaFunctions* braid_cuda_functions() {
  static const braid::trainer::CudaFunctions functions{
      braid::trainer::DeviceCount, braid::trainer::CheckDevice, braid::trainer::SoftmaxLoss,
      braid::trainer::NcclCollective};
  return &functions;
}
