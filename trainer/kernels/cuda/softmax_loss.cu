// The launch of softmax_loss.cuh. What it returns is the launch's own error; one inside the kernel
// shows at the next call.
#include <cuda_runtime.h>

#include "trainer/kernels/cuda/softmax_loss.cuh"

extern "C" cudaError_t braid_softmax_loss(float* logits, const int64_t* labels, float* losses,
                                          int64_t rows, int64_t vocab, float scale, bool gradients,
                                          cudaStream_t stream) {
  if (rows == 0) return cudaSuccess;  // a grid of nothing is no valid launch
  if (rows < 0 || rows > INT32_MAX) return cudaErrorInvalidConfiguration;
  using namespace braid::trainer;
  SoftmaxLossKernel<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(logits, labels, losses,
                                                                          vocab, scale, gradients);
  return cudaGetLastError();
}

// Whether there is code for the current device.
extern "C" cudaError_t braid_softmax_loss_is_there() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, braid::trainer::SoftmaxLossKernel);
}
