// Values of a tensor, for whoever has no torch.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace braid::trainer {

// Row-major, as fp32, from any device.
inline std::vector<float> ToHost(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kFloat).cpu().contiguous();
  return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel()};
}

}  // namespace braid::trainer
