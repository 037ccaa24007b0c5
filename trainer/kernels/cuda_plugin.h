// What the trainer asks of its CUDA plug-in, a library of its own that is loaded when a GPU is
// assigned: a CPU trainer carries none of it (348 against 118 MB of resident memory).
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

struct CudaFunctions {
  int (*device_count)();
  // OK if device 0 can be used: the driver answers, and the kernels have code for it. Makes its
  // context.
  Status (*check_device)();
  // logits [rows, vocab] become scale * (softmax - onehot) if `gradients`; losses [rows] receive
  // -log p, 0 for labels below 0, NaN for labels that are not below `vocab`. On the current stream;
  // pointers are the device's. Throws c10::AcceleratorError if the launch fails.
  void (*softmax_loss)(float* logits, const int64_t* labels, float* losses, int64_t rows,
                       int64_t vocab, float scale, bool gradients);
  Result<std::unique_ptr<Collective>> (*nccl)(task::Rendezvous& rendezvous, int64_t rank,
                                              int64_t world, int64_t timeout_ms);
};

// Loads libbraid_trainer_cuda.so beside the program, once, and looks for a GPU. Before anything of
// torch asks for a GPU: torch remembers for good that there was none. The error is DEVICE_UNUSABLE
// (kernels/fault.h) and says what is missing.
Status LoadCudaPlugin();
// REQUIRES: LoadCudaPlugin() was OK.
const CudaFunctions* CudaPlugin();

}  // namespace braid::trainer
