// Conversion of exceptions (of LibTorch, CUDA and the standard library) to Status. This is the one
// place that decides who is responsible for an exception.
#pragma once

#include <exception>
#include <string>

#include "base/status.h"

namespace braid::trainer {

// kResourceExhausted (OUT_OF_MEMORY). `what` could not be allocated.
Status OutOfMemory(const std::string& what);
// kUnavailable (DEVICE_UNUSABLE): the GPU, its driver or the build on this machine is the cause,
// not the job.
Status DeviceUnusable(const std::string& what);

// Out of memory on the CPU or a GPU becomes OutOfMemory with the requested size; a missing GPU, a
// failed driver or a GPU that stopped working becomes DeviceUnusable; everything else is kInternal.
// Messages are one line without a backtrace.
Status StatusOf(const std::exception& error);

// The same for an error code of CUDA (cudaError_t), where there is no exception. `what` is the
// message.
Status StatusOfCuda(int code, const std::string& what);

}  // namespace braid::trainer
