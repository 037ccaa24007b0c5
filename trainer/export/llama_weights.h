// The tensors of a Hugging Face folder as float32, in whichever files they are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {

// The files stay mapped as long as it lives.
class LlamaWeights {
 public:
  // Opens model.safetensors, or the files that model.safetensors.index.json lists. Errors name the
  // file.
  static Result<LlamaWeights> Open(const std::string& folder);

  // Sorted.
  std::vector<std::string> Names() const;

  // Reads a tensor, row-major; F32, F16 and BF16 are converted exactly. A missing tensor, another
  // type or shape, a NaN or an infinity is kInvalidArgument with file and tensor.
  Result<std::vector<float>> Read(const std::string& name, const std::vector<int64_t>& shape) const;

 private:
  explicit LlamaWeights(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::vector<storage::SafetensorsFile> files_;
  // Name of a tensor to the index of its file.
  std::map<std::string, size_t> files_of_;
};

// The value of an IEEE 754 half-precision number with these bits.
float HalfToFloat(uint16_t bits);

}  // namespace braid::trainer
