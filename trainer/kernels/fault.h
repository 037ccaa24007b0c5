// What torch, CUDA and the standard library throw, as a Status: the one place that sorts exceptions
// by who is to blame.
#pragma once

#include <exception>
#include <string>

#include "base/status.h"

namespace braid::trainer {

// Reasons of a Status that decide whether and where a job is tried again (docs/tasks.md).
constexpr char kOutOfMemory[] = "OUT_OF_MEMORY";
constexpr char kDeviceUnusable[] = "DEVICE_UNUSABLE";

// kResourceExhausted OUT_OF_MEMORY: `what` could not be had.
Status OutOfMemory(const std::string& what);
// kUnavailable DEVICE_UNUSABLE: the GPU, its driver or the build on this machine is at fault, not
// the job.
Status DeviceUnusable(const std::string& what);

// Out of memory on the CPU or a GPU is OutOfMemory with the size that was asked for; no GPU, a
// driver that failed or a GPU that fell over is DeviceUnusable; everything else is kInternal.
// Messages are sentences without a backtrace.
Status StatusOf(const std::exception& error);

// The status of CUDA's error `code` (cudaError_t), for who has no exception; `what` says what
// failed and how.
Status StatusOfCuda(int code, const std::string& what);

}  // namespace braid::trainer
