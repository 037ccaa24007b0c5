// The interface of the trainer's CUDA plug-in. It is a library of its own that is loaded when a job
// has a GPU, so that a CPU trainer does not pay for CUDA (118 instead of 348 MB of resident
// memory).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace braid::task {
class Rendezvous;
}

namespace braid::trainer {

class Collective;

// The functions of the plug-in.
struct CudaFunctions {
  // The number of GPUs that this process sees; 0 if the driver does not answer.
  int (*device_count)();
  // OK if device 0 can be used: the driver answers, and the kernels have code for the GPU. Creates
  // the CUDA context.
  Status (*check_device)();
  // The softmax and cross-entropy of logits [rows, vocab] with labels [rows], for HeadLoss. losses
  // [rows] receive -log p, 0 for negative labels, and NaN for labels of `vocab` or more. If
  // `gradients`, logits are replaced by scale * (softmax - onehot). Runs on the current stream; all
  // pointers are to GPU memory. Throws c10::AcceleratorError if the launch fails.
  void (*softmax_loss)(float* logits, const int64_t* labels, float* losses, int64_t rows,
                       int64_t vocab, float scale, bool gradients);
  // NcclCollective of trainer/collective/nccl.h.
  Result<std::unique_ptr<Collective>> (*nccl)(task::Rendezvous& rendezvous, int64_t rank,
                                              int64_t world, int64_t timeout_ms);
};

// Loads libbraid_trainer_cuda.so from the program's folder, once, and checks the GPU. Must be
// called before torch looks for a GPU, as torch remembers that there was none. Errors are
// DEVICE_UNUSABLE (kernels/fault.h) and say what is missing. Thread-safe.
Status LoadCudaPlugin();
// The plug-in's functions. REQUIRES: LoadCudaPlugin() has returned OK.
const CudaFunctions* CudaPlugin();

}  // namespace braid::trainer
