// The tensors of a Hugging Face folder, whatever files they are in, as float32.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {

class LlamaWeights {
 public:
  // model.safetensors, or the files that model.safetensors.index.json names.
  static Result<LlamaWeights> Open(const std::string& folder);

  std::vector<std::string> Names() const;  // sorted
  // F32, F16 and BF16 are read exactly; another type or shape, a NaN or infinity is
  // kInvalidArgument.
  Result<std::vector<float>> Read(const std::string& name, const std::vector<int64_t>& shape) const;

 private:
  explicit LlamaWeights(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::vector<storage::SafetensorsFile> files_;
  std::map<std::string, size_t> files_of_;  // tensor -> its file
};

// The value of IEEE half precision bits.
float HalfToFloat(uint16_t bits);

}  // namespace braid::trainer
