// Files of tensors in the layout of a network: flat buffers to and from safetensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/safetensors.h"
#include "trainer/network/layout.h"

namespace braid::trainer {

// A flat buffer whose tensors are stored as `prefix` and their names.
struct TensorBuffer {
  std::string prefix;
  // By slot of the layout; -1 for a tensor that the buffer does not have.
  std::vector<int64_t> offsets;
  const float* values;
};

// Writes the tensors of all buffers to the new file `path`.
Status WriteTensors(const std::string& path, const Layout& layout,
                    const std::vector<TensorBuffer>& buffers);

// Reads the tensor `name`, which must have the shape of `tensor`, to `out`. Errors name file and
// tensor.
Status ReadTensor(const storage::SafetensorsFile& file, const std::string& name,
                  const model::TensorSpec& tensor, float* out);

// Where the tensors of a buffer of the whole layout begin.
std::vector<int64_t> WholeOffsets(const Layout& layout);
// A buffer of the whole layout under the tensors' own names, to and from the file `path`.
Status WriteWhole(const std::string& path, const Layout& layout, const std::vector<float>& values);
Status ReadWhole(const std::string& path, const Layout& layout, std::vector<float>* out);

}  // namespace braid::trainer
