// The device on which tests of the trainer compute, so that the same tests judge a GPU: the
// variable BRAID_TEST_DEVICE, "cpu" (the default) or "cuda". scripts/gpu-check sets it.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "trainer/kernels/cuda_plugin.h"

namespace braid::trainer {

// "cpu" or "cuda".
inline std::string TestDevice() {
  const char* device = std::getenv("BRAID_TEST_DEVICE");
  return device == nullptr ? "cpu" : device;
}

// The same for torch. Ends the program if there is no such device: a test that quietly ran on the
// CPU would say that a GPU is right.
inline at::Device TorchTestDevice() {
  static const at::Device device = [] {
    if (TestDevice() == "cpu") return at::Device(at::kCPU);
    BRAID_CHECK(TestDevice() == "cuda");
    const Status loaded = LoadCudaPlugin();
    if (!loaded.ok()) std::fprintf(stderr, "%s\n", loaded.message().c_str());
    BRAID_CHECK(loaded.ok());
    return at::Device(at::kCUDA, 0);
  }();
  return device;
}

// A copy of `count` floats at `values`, which are on the test's device.
inline std::vector<float> FromDevice(float* values, int64_t count) {
  const auto options = at::TensorOptions(at::kFloat).device(TorchTestDevice());
  const at::Tensor host = at::from_blob(values, {count}, options).cpu();
  return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + count};
}

// Writes `host` to `values`, which are on the test's device.
inline void ToDevice(const std::vector<float>& host, float* values) {
  const auto count = static_cast<int64_t>(host.size());
  const auto options = at::TensorOptions(at::kFloat).device(TorchTestDevice());
  at::Tensor source = at::empty({count}, at::kFloat);
  std::copy(host.begin(), host.end(), source.mutable_data_ptr<float>());
  at::from_blob(values, {count}, options).copy_(source);
}

}  // namespace braid::trainer
