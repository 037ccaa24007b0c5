// Which exception is whose fault, with messages as torch and CUDA write them.
#include "trainer/kernels/fault.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>

#include <new>
#include <system_error>

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What `body` throws, sorted.
template <typename Body>
Status Thrown(Body body) {
  try {
    body();
  } catch (const std::exception& error) {
    return StatusOf(error);
  }
  return OkStatus();
}

template <typename Error>
Status OfText(const std::string& text) {
  return StatusOf(Error({"function", "file.cpp", 12}, text));
}

TEST(FaultTest, TheCpusMemory) {
  const Status status = OfText<c10::Error>(
      "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
      "you tried to "
      "allocate 137438953472 bytes. Error code 12 (Cannot allocate memory)");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.reason(), "OUT_OF_MEMORY");
  EXPECT_EQ(status.message(), "out of memory: 128.0 GiB more could not be had on the CPU");
  // 1 EiB: no machine has so many addresses.
  const Status thrown = Thrown([] { (void)at::empty({int64_t{1} << 58}, at::kFloat); });
  EXPECT_EQ(thrown.reason(), "OUT_OF_MEMORY");
  EXPECT_THAT(thrown.message(),
              AllOf(StartsWith("out of memory: "), HasSubstr(" more could not be had on the CPU"),
                    Not(HasSubstr("frame #"))));
  EXPECT_EQ(StatusOf(std::bad_alloc()).reason(), "OUT_OF_MEMORY");
  EXPECT_EQ(
      StatusOf(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again)))
          .reason(),
      "OUT_OF_MEMORY")
      << "no thread";
}

TEST(FaultTest, TheGpusMemory) {
  const Status status = OfText<c10::OutOfMemoryError>(
      "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.11 GiB of "
      "which 3.25 GiB is free. Including "
      "non-PyTorch memory, this process has 75.86 GiB memory in use. Of the allocated memory 74.00 "
      "GiB is allocated by PyTorch, and "
      "1.00 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is "
      "large try setting "
      "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.reason(), "OUT_OF_MEMORY");
  EXPECT_EQ(status.message(),
            "out of memory: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total "
            "capacity of 79.11 GiB of "
            "which 3.25 GiB is free.");
  EXPECT_EQ(OfText<c10::Error>(
                "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
                .reason(),
            "OUT_OF_MEMORY");
  EXPECT_EQ(StatusOfCuda(2, "a buffer: out of memory").reason(), "OUT_OF_MEMORY");
}

// The advice that torch adds to every error of CUDA.
constexpr char kAdvice[] =
    "\nSearch for `cudaErrorNoDevice' in the documentation for more information.\nCUDA kernel "
    "errors might be asynchronously reported at "
    "some other API call, so the stacktrace below might be incorrect.\nFor debugging consider "
    "passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n";

TEST(FaultTest, TheMachine) {
  const Status status = StatusOf(c10::AcceleratorError(
      {"f", "g.cpp", 1}, 100,
      std::string("CUDA error: no CUDA-capable device is detected") + kAdvice));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.reason(), "DEVICE_UNUSABLE");
  EXPECT_EQ(status.message(), "device cuda: CUDA error: no CUDA-capable device is detected");
  for (const int code : {3, 35, 46, 101, 209, 214, 220, 719, 802, 803, 999}) {
    EXPECT_EQ(StatusOf(c10::AcceleratorError({"f", "g.cpp", 1}, code, "CUDA error: x")).reason(),
              "DEVICE_UNUSABLE")
        << code;
  }
  EXPECT_EQ(OfText<c10::Error>("Found no NVIDIA driver on your system.").reason(),
            "DEVICE_UNUSABLE");
  EXPECT_EQ(OfText<c10::Error>(
                "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")
                .reason(),
            "DEVICE_UNUSABLE");
}

TEST(FaultTest, Braid) {
  // An illegal address, a failed assertion, an invalid argument: our own mistakes.
  for (const int code : {1, 9, 700, 710}) {
    const Status status = StatusOf(
        c10::AcceleratorError({"f", "g.cpp", 1}, code, std::string("CUDA error: x") + kAdvice));
    EXPECT_EQ(status.code(), StatusCode::kInternal) << code;
    EXPECT_EQ(status.message(), "CUDA error: x");
  }
  const Status status = Thrown([] { (void)at::mm(at::zeros({2, 3}), at::zeros({2, 3})); });
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.reason(), "");
  EXPECT_THAT(status.message(), AllOf(HasSubstr("2x3 and 2x3"), Not(HasSubstr("frame #")),
                                      Not(HasSubstr("\n")), Not(HasSubstr("Exception raised"))));
  EXPECT_EQ(StatusOf(std::runtime_error("odd")).message(), "odd");
}

}  // namespace
}  // namespace braid::trainer
