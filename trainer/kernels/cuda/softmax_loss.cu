// The launch of the kernel in softmax_loss.cuh. The result is the error of the launch; an error
// within the kernel appears at the next call of CUDA.
#include <cuda_runtime.h>

#include "trainer/kernels/cuda/softmax_loss.cuh"

extern "C" cudaError_t braid_softmax_loss(float* logits, const int64_t* labels, float* losses,
                                          int64_t rows, int64_t vocab, float scale, bool gradients,
                                          cudaStream_t stream) {
  // CUDA refuses an empty grid.
  if (rows == 0) return cudaSuccess;
  if (rows < 0 || rows > INT32_MAX) return cudaErrorInvalidConfiguration;
  using namespace braid::trainer;
  SoftmaxLossKernel<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(logits, labels, losses,
                                                                          vocab, scale, gradients);
  return cudaGetLastError();
}

// cudaSuccess if the plug-in has code for the current GPU.
extern "C" cudaError_t braid_softmax_loss_is_there() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, braid::trainer::SoftmaxLossKernel);
}
