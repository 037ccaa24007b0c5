// The GPU collective without a GPU: CUDA and NCCL are played by this file, which the collective's
// own source is linked with.
#include "trainer/collective/nccl.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <nccl.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "trainer/kernels/fault.h"

namespace {

// What the next calls answer, and what was called.
struct Machine {
  std::vector<cudaError_t> queries;  // of cudaStreamQuery, then success
  cudaError_t allocation = cudaSuccess;
  cudaError_t copy = cudaSuccess;
  cudaError_t synchronise = cudaSuccess;
  ncclResult_t begun = ncclSuccess;
  std::vector<ncclResult_t> states;  // of ncclCommGetAsyncError, then success
  ncclResult_t asked = ncclSuccess;
  int allocations = 0, frees = 0, aborts = 0;
  std::vector<std::string> calls;
};
Machine g_machine;

template <typename T>
T Next(std::vector<T>* answers, T otherwise) {
  if (answers->empty()) return otherwise;
  const T first = answers->front();
  answers->erase(answers->begin());
  return first;
}

cudaStream_t PoolStream() {
  return reinterpret_cast<cudaStream_t>(0x77);
}

}  // namespace

extern "C" {

cudaError_t cudaStreamQuery(cudaStream_t) {
  return Next(&g_machine.queries, cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  g_machine.calls.push_back(stream == PoolStream() ? "synchronise" : "synchronise another stream");
  return g_machine.synchronise;
}
cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "some error of CUDA";
}
cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  ++g_machine.allocations;
  if (g_machine.allocation == cudaSuccess) *pointer = operator new(bytes);
  return g_machine.allocation;
}
cudaError_t cudaFree(void* pointer) {
  ++g_machine.frees;
  operator delete(pointer);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  g_machine.calls.push_back(std::string(kind == cudaMemcpyHostToDevice ? "up" : "down") +
                            (stream == PoolStream() ? "" : " on another stream"));
  if (g_machine.copy == cudaSuccess) std::memcpy(to, from, bytes);
  return g_machine.copy;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId*) {
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int, ncclUniqueId, int, ncclConfig_t*) {
  *comm = reinterpret_cast<ncclComm_t>(0x99);
  return ncclInProgress;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  *state = Next(&g_machine.states, ncclSuccess);
  return g_machine.asked;
}
const char* ncclGetLastError(ncclComm_t) {
  return "Duplicate GPU detected";
}
const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote error" : "some error of NCCL";
}
ncclResult_t ncclCommAbort(ncclComm_t) {
  ++g_machine.aborts;
  return ncclSuccess;
}
// Two ranks with the same values.
ncclResult_t ncclAllReduce(const void*, void* data, size_t count, ncclDataType_t type, ncclRedOp_t,
                           ncclComm_t, cudaStream_t stream) {
  g_machine.calls.push_back(stream == PoolStream() ? "sum" : "sum on another stream");
  for (size_t i = 0; i < count && g_machine.begun == ncclSuccess; ++i) {
    if (type == ncclFloat64) static_cast<double*>(data)[i] *= 2;
    if (type == ncclFloat32) static_cast<float*>(data)[i] *= 2;
  }
  return g_machine.begun;
}

}  // extern "C"

namespace c10::cuda {

CUDAStream getCurrentCUDAStream(DeviceIndex) {
  return CUDAStream(CUDAStream::UNCHECKED, Stream(Stream::DEFAULT, Device(kCUDA, 0)));
}
cudaStream_t CUDAStream::stream() const {
  return PoolStream();
}

}  // namespace c10::cuda

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Keys final : public task::Rendezvous {
 public:
  Status Put(const std::string& key, std::string_view value) override {
    return values_[key] = value, OkStatus();
  }
  Result<std::string> Get(const std::string& key, int64_t) override { return values_[key]; }

 private:
  std::map<std::string, std::string> values_;
};

class NcclTest : public ::testing::Test {
 protected:
  NcclTest() {
    g_machine = {};
    gang_ = NcclCollective(keys_, 0, 2, 60'000).value();
  }

  // Of a sum of floats.
  Status Sum() {
    float values[2] = {1, 2};
    return gang_->AllReduce(values, 2);
  }
  Status SumOfDoubles() {
    double values[2] = {1, 2};
    return gang_->AllReduce(values, 2);
  }

  Keys keys_;
  std::unique_ptr<Collective> gang_;
};

TEST_F(NcclTest, AddsUp) {
  float values[2] = {1, 2};
  g_machine.queries = {cudaErrorNotReady, cudaErrorNotReady};
  EXPECT_TRUE(gang_->AllReduce(values, 2).ok());
  EXPECT_THAT(values, ElementsAre(2, 4));
}

TEST_F(NcclTest, HostValuesTravelOnTheStreamOfTheSum) {
  double values[3] = {1, 2, 3};
  EXPECT_TRUE(gang_->AllReduce(values, 3).ok());
  EXPECT_THAT(values, ElementsAre(2, 4, 6));
  EXPECT_THAT(g_machine.calls, ElementsAre("up", "sum", "down", "synchronise"));
  EXPECT_TRUE(gang_->Barrier().ok());
  EXPECT_EQ(g_machine.allocations, 1) << "one buffer for all";
  gang_.reset();
  EXPECT_EQ(g_machine.frees, 1);
}

// A GPU that fails while the sum runs: what stands in the buffer is no sum.
TEST_F(NcclTest, OnlySuccessIsSuccess) {
  for (const cudaError_t error :
       {cudaErrorLaunchFailure, cudaErrorECCUncorrectable, cudaErrorUnknown}) {
    g_machine.queries = {cudaErrorNotReady, error};
    const Status status = Sum();
    EXPECT_EQ(status.reason(), "DEVICE_UNUSABLE") << error;
    EXPECT_THAT(status.message(), HasSubstr("an all-reduce on the GPU: some error of CUDA"));
  }
  g_machine.queries = {cudaErrorIllegalAddress};
  EXPECT_EQ(Sum().code(), StatusCode::kInternal);
  g_machine.queries = {cudaErrorIllegalAddress};
  EXPECT_EQ(SumOfDoubles().code(), StatusCode::kInternal);
}

TEST_F(NcclTest, ACopyThatFailsIsNoSum) {
  g_machine.copy = cudaErrorLaunchFailure;
  EXPECT_EQ(SumOfDoubles().reason(), "DEVICE_UNUSABLE");
  g_machine.copy = cudaSuccess;
  g_machine.synchronise = cudaErrorECCUncorrectable;
  EXPECT_EQ(SumOfDoubles().reason(), "DEVICE_UNUSABLE");
}

TEST_F(NcclTest, NoMemoryForTheBuffer) {
  g_machine.allocation = cudaErrorMemoryAllocation;
  EXPECT_EQ(SumOfDoubles().reason(), "OUT_OF_MEMORY");
  g_machine.allocation = cudaErrorDevicesUnavailable;
  EXPECT_EQ(SumOfDoubles().reason(), "DEVICE_UNUSABLE");
  g_machine.allocation = cudaSuccess;
  EXPECT_TRUE(SumOfDoubles().ok());
}

TEST_F(NcclTest, ALostPeerIsSaidToBe) {
  g_machine.queries = {cudaErrorNotReady, cudaErrorNotReady};
  g_machine.states = {ncclSuccess, ncclRemoteError};
  Status status = Sum();
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(status.message(),
            "a rank of the gang was lost (NCCL all-reduce: remote error; Duplicate GPU detected)");
  // The aborted kernel ends, too, and the stream is empty then.
  g_machine.queries = {};
  g_machine.states = {ncclSuccess, ncclRemoteError};
  EXPECT_EQ(Sum().code(), StatusCode::kAborted);
  g_machine.begun = ncclInvalidUsage;
  EXPECT_EQ(Sum().code(), StatusCode::kAborted);
  g_machine.begun = ncclSuccess;
  g_machine.asked = ncclInternalError;
  EXPECT_EQ(Sum().code(), StatusCode::kAborted) << "nobody knows then";
}

TEST(NcclMeetingTest, WhyAGangDidNotMeet) {
  g_machine = {};
  g_machine.states = {ncclInProgress, ncclInvalidUsage};
  Keys keys;
  const auto gang = NcclCollective(keys, 0, 2, 60'000);
  ASSERT_FALSE(gang.ok());
  EXPECT_EQ(gang.status().message(),
            "the gang did not meet: some error of NCCL; Duplicate GPU detected");
  EXPECT_EQ(g_machine.aborts, 1);
}

}  // namespace
}  // namespace braid::trainer
