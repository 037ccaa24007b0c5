#include "trainer/collective/nccl.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>
#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "base/clock.h"
#include "trainer/kernels/fault.h"

namespace braid::trainer {
namespace {

// OK, or the error that CUDA reports about this rank's GPU, as distinct from a lost peer.
Status Check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return OkStatus();
  // Clears the error; otherwise the next successful call would report it again.
  (void)cudaGetLastError();
  return StatusOfCuda(error, std::string(what) + ": " + cudaGetErrorString(error));
}

cudaStream_t Stream() {
  return c10::cuda::getCurrentCUDAStream().stream();
}

class Nccl final : public Collective {
 public:
  Nccl(ncclComm_t comm, int64_t rank, int64_t world, int64_t timeout_ms)
      : comm_(comm), rank_(rank), world_(world), timeout_ms_(timeout_ms) {}
  ~Nccl() override {
    ncclCommAbort(comm_);
    if (buffer_ != nullptr) cudaFree(buffer_);
  }
  int64_t rank() const override { return rank_; }
  int64_t world() const override { return world_; }

  using Collective::AllReduce;  // of Bf16
  Status AllReduce(float* data, int64_t count) override { return Sum(data, count, ncclFloat32); }

  // Uses a buffer on the GPU. Copies and reduction are on the same stream, so that they are in
  // order whatever stream is current.
  Status AllReduce(double* data, int64_t count) override {
    BRAID_RETURN_IF_ERROR(Reserve(count));
    const size_t bytes = static_cast<size_t>(count) * sizeof(double);
    const cudaStream_t stream = Stream();
    BRAID_RETURN_IF_ERROR(
        Check(cudaMemcpyAsync(buffer_, data, bytes, cudaMemcpyHostToDevice, stream),
              "copying sums to the GPU"));
    BRAID_RETURN_IF_ERROR(Sum(buffer_, count, ncclFloat64));
    BRAID_RETURN_IF_ERROR(
        Check(cudaMemcpyAsync(data, buffer_, bytes, cudaMemcpyDeviceToHost, stream),
              "copying sums from the GPU"));
    return Check(cudaStreamSynchronize(stream), "copying sums from the GPU");
  }

  Status Barrier() override {
    double nothing = 0;
    return AllReduce(&nothing, 1);
  }

 private:
  Status Reserve(int64_t count) {
    if (count <= reserved_) return OkStatus();
    if (buffer_ != nullptr) cudaFree(buffer_);
    buffer_ = nullptr;
    reserved_ = 0;
    BRAID_RETURN_IF_ERROR(Check(
        cudaMalloc(reinterpret_cast<void**>(&buffer_), static_cast<size_t>(count) * sizeof(double)),
        "a buffer for sums over the ranks"));
    reserved_ = count;
    return OkStatus();
  }

  // The error for a lost peer, with NCCL's details. `what` is what this rank was doing.
  Status Lost(const char* what, ncclResult_t result) const {
    const char* detail = ncclGetLastError(comm_);
    return Aborted(std::string("a rank of the gang was lost (NCCL ") + what + ": " +
                   ncclGetErrorString(result) +
                   (detail == nullptr || *detail == '\0' ? "" : std::string("; ") + detail) + ")");
  }

  // Waits while the communicator is busy. It is non-blocking, because a blocking call would hang
  // forever if a peer is gone; errors of peers appear while polling.
  Status Wait(const char* what) {
    const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms_;
    ncclResult_t state = ncclInProgress;
    while (true) {
      if (const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state); asked != ncclSuccess)
        return Lost(what, asked);
      if (state != ncclInProgress) break;
      if (SystemClock().MonotonicMs() > deadline)
        return Aborted(std::string("NCCL ") + what + ": no answer from a rank");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return state == ncclSuccess ? OkStatus() : Lost(what, state);
  }

  // Returns when the sum is complete. Only cudaSuccess of the stream tells that: NCCL's calls
  // return when the kernel is launched.
  Status Sum(void* data, int64_t count, ncclDataType_t type) {
    const cudaStream_t stream = Stream();
    const ncclResult_t begun = ncclAllReduce(data, data, static_cast<size_t>(count), type, ncclSum,
                                             comm_, stream);
    if (begun != ncclSuccess && begun != ncclInProgress) return Lost("all-reduce", begun);
    BRAID_RETURN_IF_ERROR(Wait("all-reduce"));
    const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms_;
    cudaError_t done = cudaErrorNotReady;
    while ((done = cudaStreamQuery(stream)) == cudaErrorNotReady) {
      ncclResult_t state = ncclSuccess;
      const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
      if (asked != ncclSuccess || state != ncclSuccess)
        return Lost("all-reduce", asked != ncclSuccess ? asked : state);
      if (SystemClock().MonotonicMs() > deadline)
        return Aborted("NCCL all-reduce: no answer from a rank");
      // Not a sleep, which would delay every training step.
      std::this_thread::yield();
    }
    BRAID_RETURN_IF_ERROR(Check(done, "an all-reduce on the GPU"));
    // A kernel that was aborted ends too, so the communicator has the last word.
    return Wait("all-reduce");
  }

  const ncclComm_t comm_;
  const int64_t rank_;
  const int64_t world_;
  const int64_t timeout_ms_;
  // On the GPU, for sums of host values.
  double* buffer_ = nullptr;
  // The number of doubles that the buffer holds.
  int64_t reserved_ = 0;
};

}  // namespace

Result<std::unique_ptr<Collective>> NcclCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, int64_t timeout_ms) {
  ncclUniqueId id{};
  if (rank == 0) {
    if (const ncclResult_t made = ncclGetUniqueId(&id); made != ncclSuccess) {
      return Internal(std::string("NCCL could not make an id: ") + ncclGetErrorString(made));
    }
    BRAID_RETURN_IF_ERROR(rendezvous.Put("nccl/id", {id.internal, sizeof id.internal}));
  } else {
    BRAID_ASSIGN_OR_RETURN(const std::string value, rendezvous.Get("nccl/id", timeout_ms));
    if (value.size() != sizeof id.internal)
      return Internal("the NCCL id of rank 0 has an odd size");
    std::memcpy(id.internal, value.data(), value.size());
  }
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  // A blocking communicator would wait for a missing rank without a limit.
  config.blocking = 0;
  ncclComm_t comm = nullptr;
  ncclResult_t state = ncclCommInitRankConfig(&comm, static_cast<int>(world), id,
                                              static_cast<int>(rank), &config);
  const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms;
  while (state == ncclInProgress && SystemClock().MonotonicMs() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (const ncclResult_t asked = ncclCommGetAsyncError(comm, &state); asked != ncclSuccess)
      state = asked;
  }
  if (state != ncclSuccess) {
    const char* detail = comm == nullptr ? nullptr : ncclGetLastError(comm);
    const std::string why = std::string(ncclGetErrorString(state)) +
                            (detail == nullptr || *detail == '\0' ? ""
                                                                  : std::string("; ") + detail);
    if (comm != nullptr) ncclCommAbort(comm);
    return Aborted("the gang did not meet: " + why);
  }
  return std::unique_ptr<Collective>(new Nccl(comm, rank, world, timeout_ms));
}

}  // namespace braid::trainer
