#include "trainer/collective/nccl.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>
#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "base/clock.h"

namespace braid::trainer {
namespace {

class Nccl final : public Collective {
 public:
  Nccl(ncclComm_t comm, int64_t rank, int64_t world, int64_t timeout_ms)
      : comm_(comm), rank_(rank), world_(world), timeout_ms_(timeout_ms) {}
  ~Nccl() override { ncclCommAbort(comm_); }
  int64_t rank() const override { return rank_; }
  int64_t world() const override { return world_; }

  Status AllReduce(float* data, int64_t count) override { return Sum(data, count, ncclFloat32); }

  Status AllReduce(double* data, int64_t count) override {
    const size_t bytes = static_cast<size_t>(count) * sizeof(double);
    double* device = nullptr;
    if (cudaMalloc(&device, bytes) != cudaSuccess) return ResourceExhausted("no GPU memory for a reduction");
    cudaMemcpy(device, data, bytes, cudaMemcpyHostToDevice);
    Status status = Sum(device, count, ncclFloat64);
    cudaMemcpy(data, device, bytes, cudaMemcpyDeviceToHost);
    cudaFree(device);
    return status;
  }

  Status Barrier() override {
    double nothing = 0;
    return AllReduce(&nothing, 1);
  }

 private:
  // A non-blocking communicator may answer "in progress" to any call; errors of peers show while polling.
  Status Wait(const char* what) {
    const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms_;
    ncclResult_t state = ncclInProgress;
    while (ncclCommGetAsyncError(comm_, &state) == ncclSuccess && state == ncclInProgress) {
      if (SystemClock().MonotonicMs() > deadline) return Aborted(std::string("NCCL ") + what + ": no answer from a rank");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (state == ncclSuccess) return OkStatus();
    return Aborted(std::string("NCCL ") + what + ": " + ncclGetErrorString(state));
  }

  Status Sum(void* data, int64_t count, ncclDataType_t type) {
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
    const ncclResult_t begun = ncclAllReduce(data, data, static_cast<size_t>(count), type, ncclSum, comm_, stream);
    if (begun != ncclSuccess && begun != ncclInProgress) {
      return Aborted(std::string("NCCL all-reduce: ") + ncclGetErrorString(begun));
    }
    BRAID_RETURN_IF_ERROR(Wait("all-reduce"));
    const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms_;
    while (cudaStreamQuery(stream) == cudaErrorNotReady) {
      ncclResult_t state = ncclSuccess;
      ncclCommGetAsyncError(comm_, &state);
      if (state != ncclSuccess) return Aborted(std::string("a rank of the gang was lost: ") + ncclGetErrorString(state));
      if (SystemClock().MonotonicMs() > deadline) return Aborted("NCCL all-reduce: no answer from a rank");
      std::this_thread::yield();
    }
    return OkStatus();
  }

  const ncclComm_t comm_;
  const int64_t rank_;
  const int64_t world_;
  const int64_t timeout_ms_;
};

}  // namespace

Result<std::unique_ptr<Collective>> NcclCollective(task::Rendezvous& rendezvous, int64_t rank, int64_t world,
                                                   int64_t timeout_ms) {
  ncclUniqueId id{};
  if (rank == 0) {
    if (ncclGetUniqueId(&id) != ncclSuccess) return Internal("NCCL could not make an id");
    BRAID_RETURN_IF_ERROR(rendezvous.Put("nccl/id", {id.internal, sizeof id.internal}));
  } else {
    BRAID_ASSIGN_OR_RETURN(const std::string value, rendezvous.Get("nccl/id", timeout_ms));
    if (value.size() != sizeof id.internal) return Internal("the NCCL id of rank 0 has an odd size");
    std::memcpy(id.internal, value.data(), value.size());
  }
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t comm = nullptr;
  ncclResult_t state = ncclCommInitRankConfig(&comm, static_cast<int>(world), id, static_cast<int>(rank), &config);
  const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms;
  while (state == ncclInProgress && SystemClock().MonotonicMs() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (ncclCommGetAsyncError(comm, &state) != ncclSuccess) break;
  }
  if (state != ncclSuccess) {
    if (comm != nullptr) ncclCommAbort(comm);
    return Aborted(std::string("the gang did not meet: ") + ncclGetErrorString(state));
  }
  return std::unique_ptr<Collective>(new Nccl(comm, rank, world, timeout_ms));
}

}  // namespace braid::trainer
