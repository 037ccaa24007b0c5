#include "trainer/kernels/cuda/plugin.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>

#include "trainer/collective/nccl.h"

extern "C" void braid_softmax_loss(float* logits, const int64_t* labels, float* losses, int64_t rows, int64_t vocab,
                                   float scale, bool gradients, cudaStream_t stream);

namespace braid::trainer {
namespace {

int DeviceCount() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

void SoftmaxLoss(float* logits, const int64_t* labels, float* losses, int64_t rows, int64_t vocab, float scale,
                 bool gradients) {
  braid_softmax_loss(logits, labels, losses, rows, vocab, scale, gradients, c10::cuda::getCurrentCUDAStream().stream());
}

}  // namespace
}  // namespace braid::trainer

extern "C" const braid::trainer::CudaFunctions* braid_cuda_functions() {
  static const braid::trainer::CudaFunctions functions{braid::trainer::DeviceCount, braid::trainer::SoftmaxLoss,
                                                       braid::trainer::NcclCollective};
  return &functions;
}
