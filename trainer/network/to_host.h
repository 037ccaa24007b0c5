// Copies of tensors' values, for code that does not include torch.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace braid::trainer {

// The values in row-major order as fp32; the tensor may be on any device.
inline std::vector<float> ToHost(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kFloat).cpu().contiguous();
  return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel()};
}

}  // namespace braid::trainer
