#include "trainer/kernels/fault.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string_view>
#include <system_error>

#include "base/text.h"

namespace braid::trainer {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// CUDA's errors that mean that this machine cannot do the work, whatever the program does. These
// are values of cudaError_t, whose header the trainer does not see without its plug-in.
bool IsOfTheMachine(int code) {
  constexpr int kCodes[] = {
      3,    // initialisation failed
      34,   // a stub instead of the driver
      35,   // driver too old for this CUDA
      36,   // call needs a newer driver
      46,   // devices busy or unavailable
      98,   // no such function for this device
      100,  // no device
      101,  // no such device
      102,  // not licensed
      103,  // integrity checks have not run
      127,  // start-up failed
      201,  // device not initialised
      209,  // no kernel image for this device
      214,  // uncorrectable ECC error
      216,  // device is in use by another process (exclusive mode)
      218,  // PTX that the driver cannot compile
      220,  // uncorrectable NVLink error
      221,  // the driver's compiler is missing
      222,  // PTX newer than the driver
      223,  // compilation by the driver is switched off
      226,  // contained memory error
      303,  // a shared object of the driver failed
      304,  // operating system
      702,  // the display's watchdog ended a kernel
      709,  // the context is gone
      714,  // hardware stack error
      719,  // launch failure; a GPU that has fallen off the bus looks like this
      800,  // not permitted
      802,  // system not ready
      803,  // driver and library do not match
      804,  // forward compatibility is not for this device
      805, 806, 807, 808, 809, 810,  // MPS
      911,                           // external device
      999,                           // unknown
  };
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

constexpr int kCudaOutOfMemory = 2;

// The number of bytes in "DefaultCPUAllocator: can't allocate memory: you tried to allocate
// 137438953472 bytes. Error code 12"; 0 if the text has none.
uint64_t BytesAskedFor(const std::string& text) {
  constexpr std::string_view kBefore = "tried to allocate ";
  const size_t at = text.find(kBefore);
  return at == std::string::npos ? 0
                                 : std::strtoull(text.c_str() + at + kBefore.size(), nullptr, 10);
}

// The message of CUDA's allocator continues with statistics and with advice that applies to Python.
std::string WithoutAdvice(std::string text) {
  for (const std::string_view advice :
       {" Including non-PyTorch memory", " Process ", " Of the allocated memory",
        " If reserved but unallocated"}) {
    text = text.substr(0, text.find(advice));
  }
  return text;
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string OneLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// LibTorch gives most errors the same type, so the texts have to be compared.
Status OfTorch(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  if (Contains(text, "DefaultCPUAllocator") && Contains(text, "allocate memory")) {
    const uint64_t bytes = BytesAskedFor(text);
    return OutOfMemory(bytes == 0 ? "torch could not allocate on the CPU"
                                  : FormatBytes(bytes) + " more could not be had on the CPU");
  }
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
      Contains(text, "CUDA out of memory") || Contains(text, "CUDA error: out of memory") ||
      Contains(text, "CUBLAS_STATUS_ALLOC_FAILED")) {
    return OutOfMemory(WithoutAdvice(FirstLine(text)));
  }
  if (Contains(text, "CUBLAS_STATUS_NOT_INITIALIZED") ||
      Contains(text, "CUBLAS_STATUS_ARCH_MISMATCH") || Contains(text, "NVIDIA driver") ||
      Contains(text, "No CUDA GPUs are available") || Contains(text, "no CUDA-capable device")) {
    return DeviceUnusable(FirstLine(text));
  }
  return Internal(Contains(text, "CUDA") ? FirstLine(text) : OneLine(text));
}

}  // namespace

Status OutOfMemory(const std::string& what) {
  return {StatusCode::kResourceExhausted, ErrorReason::kOutOfMemory, "out of memory: " + what};
}

Status DeviceUnusable(const std::string& what) {
  return {StatusCode::kUnavailable, ErrorReason::kDeviceUnusable, "device cuda: " + what};
}

Status StatusOfCuda(int code, const std::string& what) {
  if (code == kCudaOutOfMemory) return OutOfMemory(what);
  return IsOfTheMachine(code) ? DeviceUnusable(what) : Internal(what);
}

Status StatusOf(const std::exception& error) {
  if (const auto* device = dynamic_cast<const c10::AcceleratorError*>(&error)) {
    return StatusOfCuda(device->get_error_code(), FirstLine(device->what_without_backtrace()));
  }
  if (const auto* torch = dynamic_cast<const c10::Error*>(&error)) return OfTorch(*torch);
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
    return OutOfMemory("no more could be had on the CPU");
  // The system refuses a thread for lack of memory or at its limit; both pass when other programs
  // end.
  if (const auto* system = dynamic_cast<const std::system_error*>(&error);
      system != nullptr && (system->code() == std::errc::resource_unavailable_try_again ||
                            system->code() == std::errc::not_enough_memory)) {
    return OutOfMemory("no thread could be started (" + std::string(system->what()) + ")");
  }
  return Internal(OneLine(error.what()));
}

}  // namespace braid::trainer
