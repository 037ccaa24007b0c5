// Softmax and cross-entropy of rows of logits as device code: one block for each row, which reads
// the row once for an online maximum and sum, and a second time to write the gradient in place.
// Without atomics and with a fixed order of sums, so that the bits are the same every time. Uses
// only the names that CUDA has built in, so that a test can run it on a CPU, thread by thread.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

namespace braid::trainer {

constexpr int kThreads = 256;

// The softmax of a part of a row.
struct Partial {
  float maximum;
  // The sum of exp(x - maximum).
  float sum;
};

// The softmax of two parts together.
__device__ Partial Join(Partial a, Partial b) {
  const float maximum = fmaxf(a.maximum, b.maximum);
  return {maximum, a.sum * __expf(a.maximum - maximum) + b.sum * __expf(b.maximum - maximum)};
}

// One block of kThreads threads for each row; CudaFunctions::softmax_loss (plugin.h) has the
// contract.
__global__ void SoftmaxLossKernel(float* logits, const int64_t* labels, float* losses,
                                  int64_t vocab, float scale, bool gradients) {
  const auto row = static_cast<int64_t>(blockIdx.x);
  float* x = logits + row * vocab;
  const int64_t label = labels[row];
  Partial mine{-FLT_MAX, 0.0f};
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads) mine = Join(mine, {x[i], 1.0f});
  __shared__ Partial shared[kThreads];
  shared[threadIdx.x] = mine;
  __syncthreads();
  for (int width = kThreads / 2; width > 0; width /= 2) {
    if (threadIdx.x < static_cast<unsigned>(width))
      shared[threadIdx.x] = Join(shared[threadIdx.x], shared[threadIdx.x + width]);
    __syncthreads();
  }
  const Partial all = shared[0];
  // Otherwise the label's logit would be read from the next row, or from beyond the buffer.
  const bool known = label < vocab;
  if (threadIdx.x == 0) {
    losses[row] = label < 0 ? 0.0f : known ? logf(all.sum) + all.maximum - x[label] : NAN;
  }
  if (!gradients) return;
  // x[label] has to be read before it is overwritten.
  __syncthreads();
  const float factor = scale / all.sum;
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads) {
    const float p = label < 0 ? 0.0f : factor * __expf(x[i] - all.maximum);
    x[i] = i == label ? p - scale : p;
  }
}

}  // namespace braid::trainer
